"""The codes that `peers.py` compares, ours among them, each set to the same task.

The task: one cycle START -> VERTEX -> START of a reversible couple O + e- = R with equal diffusion
coefficients D, only O in the bulk (concentration C), semi-infinite planar diffusion, no resistance,
no capacitance. Where a code asks for a rate constant, K0 makes the couple reversible to 1e-6.
Currents are compared as I / (F A C sqrt(D F v / RT)), anodic positive.

Every code gets more than one setting where that pays: as shipped, and the best that were found by
varying what it offers, judged by the whole curve (a peak alone can be right by coincidence).
Building a model is timed where it is quick, not for PyBaMM and ElectroKitty.
"""

from __future__ import annotations

import math
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

FARADAY, GAS_CONSTANT, TEMPERATURE = 96485.33212, 8.31446261815324, 298.15
F_RT = FARADAY / (GAS_CONSTANT * TEMPERATURE)
"""F/RT [V^-1]."""
START, VERTEX, RATE = 0.5, -0.3, 0.1
"""Potentials against the formal one [V] and scan rate [V s^-1]."""
SWEEP = START - VERTEX
DURATION = 2 * SWEEP / RATE
D, C, K0 = 1e-5, 1e-6, 1e4
"""Diffusion coefficient [cm^2 s^-1], concentration [mol cm^-3], rate constant [cm s^-1]."""
SCALE = FARADAY * C * math.sqrt(D * F_RT * RATE)
"""Unit of the current density [A cm^-2]; times 1e4 in A m^-2."""
STEPS = (125, 250, 500, 1000, 2000, 4000)
"""Of a cycle."""

Curve = tuple[Any, Any]
"""Potentials [V] and currents [1], both of shape (points,)."""


class Case(NamedTuple):
    """A code at one setting and resolution."""

    setting: str
    resolution: str
    run: Callable[[], Any]
    """What is timed."""
    curve: Callable[[Any], Curve]
    """What `run` returns -> the curve."""


def applied(time_: Any) -> Any:
    """Return E(t) [V] for an array of times [s]."""
    return VERTEX + abs(SWEEP - RATE * time_)


def perovec_bayes(_: str) -> Iterator[Case]:
    """Ours, compiled: the current, and a sum of squares with its gradient in all 11 parameters."""
    jax, np = import_module("jax"), import_module("numpy")
    jax.config.update("jax_enable_x64", True)
    redox = import_module("perovec_bayes.forward.redox")
    waveform = import_module("perovec_bayes.forward.waveform")
    p = redox.RedoxParameters(0.0, K0, 0.5, D, D, C, *[0.0] * 5)
    p = jax.tree.map(jax.numpy.asarray, p)

    def finished(function: Any) -> Any:
        return jax.block_until_ready(function(p))

    def known(curve: Curve, _: Any) -> Curve:
        return curve

    for steps in (*STEPS, 8000, 16000):
        corners = np.array([0.0, DURATION / 2, DURATION])
        grid = waveform.grid(corners, applied(corners), steps)

        def current(p: Any, grid: Any = grid) -> Any:
            return redox.redox_current(p, grid, F_RT) / SCALE

        def squares(p: Any, current: Any = current) -> Any:
            return (current(p) ** 2).sum()

        value, gradient = jax.jit(current), jax.jit(jax.value_and_grad(squares))
        curve = (grid.potential, np.asarray(value(p)))
        for name, each in (("value", value), ("value and gradient", gradient)):
            yield Case(
                name,
                f"{steps} steps",
                partial(finished, each),
                partial(known, curve),
            )


def mecsim(program: str) -> Iterator[Case]:
    """MECSim (Fortran): a program of its own; only its own time counts, not starting and reading.

    `beta` stretches the grid; `Dstar_min` is the reciprocal of its first, squared, spacing.
    """
    head = f"{TEMPERATURE}\n0.0\n{START}\n{VERTEX}\n1\n{RATE}\n12\n0\n0\n0\n0\n1\n"
    ramp = "1.0\n25.6\n0\n0\n2\n0.0\n0.0\n0.5\n-0.5\n"
    planar = "1\n1.0\n1.0\n1.0e-4\n0.5\n0.001\n0.1\n100.0\n0.1\n100.0\n1.0e-5\n1\n0.0, 180.0\n"
    species = f"2\n{C}, {D}, 0\n0.0, {D}, 0\n0\n0.0\n0.0\n"
    reaction = f"0, -1, 1, 1.0, 1.0, 0.0, {K0}, 0.5\n"
    folder = tempfile.TemporaryDirectory()
    place = Path(folder.name)

    def run(text: str) -> Path:
        (place / "Master.inp").write_text(text)
        subprocess.run([program], cwd=place, check=True, capture_output=True)
        return place / "MECSimOutput.txt"

    def curve(path: Path) -> Curve:
        rows = [line.split() for line in path.read_text().splitlines()]
        return [float(r[0]) for r in rows], [float(r[1]) / SCALE for r in rows]

    for setting, beta, dstar in (
        ("as shipped", 0.1, 10.0),
        ("beta 0.3, Dstar_min 1e3", 0.3, 1e3),
        ("beta 0.5, Dstar_min 1e3", 0.5, 1e3),
    ):
        for steps in STEPS:
            text = f"{head}{steps}\n{beta}\n{dstar}\n{ramp}{planar}{species}{reaction}"
            yield Case(setting, f"{steps} steps", partial(run, text), curve)
    folder.cleanup()


def pyecsim(_: str) -> Iterator[Case]:
    """PyECsim (C++): `gamma` stretches the grid, 10^-`F` is its first spacing."""
    ecs = import_module("pyecsim")

    def run(steps: int, gamma: float, first: float, points: int) -> Any:
        simulation = ecs.Simulation(False)
        o, r = ecs.Species("O", C * 1e6, D * 1e-4), ecs.Species("R", 0.0, D * 1e-4)
        couple = ecs.Redox(o, r, 1, 0.0, K0 * 1e-2, 0.5).enable()
        simulation.sys.addRedox(couple)
        simulation.env.setTemperature(TEMPERATURE)
        simulation.el.square(1.0)
        simulation.exper.setScanPotentials(START, [VERTEX], START)
        simulation.exper.setScanRate(RATE)
        simulation.setPotentialSizing(2 * SWEEP * F_RT / steps)
        simulation.setGridSizing(gamma, first, 6.2, 3.0, 7.0)
        simulation.setDifferentialOrders(5, points)
        return simulation.run()

    def curve(result: Any) -> Curve:
        return result[0], [value / (1e4 * SCALE) for value in result[1]]

    for setting, gamma, first, points in (
        ("as shipped", 1.67, 2.2, 6),
        ("gamma 1.2", 1.2, 2.2, 6),
        ("F 1.2, 4-point stencil", 1.67, 1.2, 4),
    ):
        for steps in (*STEPS, 8000):
            at = (steps, gamma, first, points)
            yield Case(setting, f"{steps} steps", partial(run, *at), curve)


def cvsim(_: str) -> Iterator[Case]:
    """Cvsim (Python): semi-integration with all history; steps are whole millivolts."""
    mechanisms = import_module("cvsim.mechanisms")
    radius = math.sqrt(1 / math.pi)  # mm, for 0.01 cm^2

    def run(step: float) -> Any:
        arguments = (START, VERTEX, 0.0, RATE, C * 1e6, D, D, step, radius, TEMPERATURE)
        return mechanisms.E_rev(*arguments).simulate()

    def curve(result: Any) -> Curve:
        return result[0], result[1] / (0.01 * SCALE)

    for step in (16, 8, 4, 2, 1):
        steps = round(2000 * SWEEP / step)
        yield Case("E_rev", f"{steps} steps", partial(run, step), curve)


def electrokitty(_: str) -> Iterator[Case]:
    """ElectroKitty (C++): its F and R are rounded, so that it gets a T for the same F/RT."""
    ElectroKitty = import_module("electrokitty").ElectroKitty
    faraday, gas_constant = 96485, 8.314
    for setting, first, points in (("as its examples", 1e-3, 20), ("first 1e-4", 1e-4, 20)):
        for steps in STEPS[:4]:
            cell = ElectroKitty("E(1): a = b")
            cell.V_potential(START, VERTEX, RATE, 0, 0, steps + 1)
            cell.create_simulation(
                [[0.5, K0 * 1e-2, 0.0]],
                [faraday / gas_constant / F_RT, 0.0, 0.0, 1.0],
                [D * 1e-4, D * 1e-4],
                [],
                [first, points, 1e-5, 0],
                [[], [C * 1e6, 0.0]],
            )
            yield Case(
                setting,
                f"{steps} steps",
                cell.simulate,
                lambda r: (r[0], r[1] / (1e4 * SCALE * faraday / FARADAY)),
            )


def softpotato(_: str) -> Iterator[Case]:
    """Soft Potato (Python): a diffusion solver; c at the surface after Nernst, which equal D allow.

    Crank-Nicolson needed least time for the same error among its solvers.
    """
    np, solver = import_module("numpy"), import_module("softpotato.solver")

    def run(steps: int, points: int) -> Any:
        def surface(t: float) -> float:
            return C / (1 + math.exp(-F_RT * applied(t)))

        problem = solver.DiffusionProblem(
            grid=np.linspace(0, 3.5 * math.sqrt(D * DURATION), points + 1),
            diffusivity={"O": D},
            boundary_conditions={"O": (solver.DirichletBC(surface), solver.DirichletBC(C))},
            initial_conditions={"O": C},
        )
        times = np.linspace(0, DURATION, steps + 1)
        method = solver.get_solver("crank_nicolson", dt=1.001 * DURATION / steps)
        return method.solve(problem, t_span=(0.0, DURATION), t_eval=times)

    def curve(result: Any) -> Curve:
        return applied(result.t), result.fluxes["O"] * FARADAY / SCALE

    for steps, points in ((125, 200), (250, 400), (500, 800), (1000, 1600), (2000, 3200)):
        at = (steps, points)
        yield Case("Crank-Nicolson", f"{steps} steps", partial(run, *at), curve)


def pybamm(_: str) -> Iterator[Case]:
    """PyBaMM (C++): the same equations as an own model; IDA, 1000 points returned."""
    np, pb = import_module("numpy"), import_module("pybamm")

    def model(points: int) -> Any:
        domain = "solution"
        c = pb.Variable("c", domain=domain)
        x = pb.SpatialVariable("x", domain=domain, coord_sys="cartesian")
        xi = F_RT * (VERTEX + abs(SWEEP - RATE * pb.t))
        surface = 1 / (1 + pb.exp(-xi))
        found = pb.BaseModel()
        found.rhs = {c: pb.div(D * pb.grad(c))}
        found.initial_conditions = {c: pb.Scalar(1)}
        one = (pb.Scalar(1), "Dirichlet")
        found.boundary_conditions = {c: {"left": (surface, "Dirichlet"), "right": one}}
        found.variables = {"current": -FARADAY * C * D / SCALE * pb.BoundaryGradient(c, "left")}
        space = {domain: {x: {"min": 0, "max": 6 * math.sqrt(D * DURATION)}}}
        spacing = {"side": "left", "stretch": 5.0}
        grid = pb.MeshGenerator(pb.Exponential1DSubMesh, spacing)
        mesh = pb.Mesh(space, {domain: grid}, {x: points})
        pb.Discretisation(mesh, {domain: pb.FiniteVolume()}).process_model(found)
        return found

    times = np.linspace(0, DURATION, 1001)
    stops = np.array([0, DURATION / 2, DURATION])
    for tolerance in (1e-6, 1e-8):
        for points in (30, 60, 120, 240, 480):
            built = model(points)
            solver = pb.IDAKLUSolver(rtol=tolerance, atol=tolerance * 1e-2)

            def run(built: Any = built, solver: Any = solver) -> Any:
                return solver.solve(built, stops, t_interp=times)["current"](times)

            setting = f"tolerance {tolerance:.0e}"
            yield Case(setting, f"{points} cells", run, lambda i: (applied(times), i))


CODES = {
    code.__name__: code
    for code in (perovec_bayes, mecsim, pyecsim, pybamm, cvsim, softpotato, electrokitty)
}
