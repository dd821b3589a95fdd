"""Measurements whose truth is known."""

from concurrent.futures import Future

from cookbook.measure import Refused, Repeats

# A design with the session as its unit, and one with the build.
SESSIONS = {"sessions": 5, "session_sd": 3.0}
BUILDS = {"builds": 4, "sessions": 3, "build_sd": 5.0, "session_sd": 2.0}


def simulate(
    random, centre, *, builds=1, sessions=5, calls=40, build_sd=0.0, session_sd=0.0, call_sd=1.0
):
    """Repeats whose builds, sessions and calls scatter normally around a centre."""
    made = []
    for _ in range(builds):
        of_build = centre + build_sd * random.standard_normal()
        measured = []
        for _ in range(sessions):
            of_session = of_build + session_sd * random.standard_normal()
            measured.append(of_session + call_sd * random.standard_normal(calls))
        made.append(measured)
    return Repeats(made)


def repeats_of(*medians, name=""):
    """One build with sessions of these medians."""
    return Repeats([[[median] for median in medians]], name)


class Server:
    """One server in virtual time: requests queue up, each is served for the time that is drawn."""

    def __init__(self, clock, draw, room=None):
        self.clock = clock
        self.draw = draw
        self.room = room
        self.free_at = 0.0
        self.present = 0

    def __call__(self, number):
        if self.room is not None and self.present >= self.room:
            raise Refused("the queue is full")
        future = Future()
        self.present += 1
        self.free_at = max(self.free_at, self.clock.now()) + self.draw()

        def answer():
            self.present -= 1
            future.set_result(number)

        self.clock.call_at(self.free_at, answer)
        return future
