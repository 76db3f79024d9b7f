"""The simplest batch of robots: on a line, where a motor's action is its speed."""

import numpy as np


class Line:
    """`simulate` knows the way."""

    motors = 1
    lag = 0.0

    def reset(self, rngs):
        self.x = np.array([[rng.uniform()] for rng in rngs])
        return self.x.copy()

    def step(self, actions):
        self.x = self.x + actions
        return self.x.copy(), actions[:, 0]

    def simulate(self, actions):
        return self.x[:, None, None] + np.cumsum(actions, 2), actions[..., 0]


class LateLine(Line):
    """The same with actions that arrive late: a quarter of a step, the one before still holds."""

    lag = 0.25

    def reset(self, rngs):
        self.held = np.zeros((len(rngs), 1))
        return super().reset(rngs)

    def step(self, actions):
        held, self.held = self.held, actions.copy()
        return super().step(0.75 * actions + 0.25 * held)

    def simulate(self, actions):
        held = np.broadcast_to(self.held[:, None, None], (*actions.shape[:2], 1, 1))
        before = np.concatenate([held, actions[:, :, :-1]], 2)
        return super().simulate(0.75 * actions + 0.25 * before)
