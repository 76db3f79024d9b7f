"""A node whose imports never come to an end, for testing how it is stopped."""

import threading

print("importing", flush=True)
threading.Event().wait()
