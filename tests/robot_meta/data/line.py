"""The simplest batch of robots: on a line, where a motor's action is its speed."""

import numpy as np


class Line:
    """`simulate` knows the way."""

    motors = 1

    def reset(self, rngs):
        self.x = np.array([[rng.uniform()] for rng in rngs])
        return self.x.copy()

    def step(self, actions):
        self.x = self.x + actions
        return self.x.copy(), actions[:, 0]

    def simulate(self, actions):
        return self.x[:, None, None] + np.cumsum(actions, 2), actions[..., 0]
