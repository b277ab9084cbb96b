"""``tocsin simulate``: run a simulated site, and make things happen in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from simulator import site_file
from simulator.actions import Action
from simulator.explore import command
from tocsin.log import configure
from tocsin.settings import LogSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(no_args_is_help=True, help="Run a simulated site, and make things happen in it.")

State = Annotated[Path, typer.Option("--state", envvar="TOCSIN_SITE", help="Directory the site keeps its state in.")]
HERE = Path(".tocsin/site")
LOOPBACK = "127.0.0.1"
Result = TypeVar("Result")
Name = Annotated[str, typer.Argument(help="Who.")]


@app.command()
def site(
    file: Annotated[Path, typer.Argument(help="World file (TOML).")],
    state: State = HERE,
    api_port: Annotated[int, typer.Option(help="Port of the page and API; 0 = any free.")] = 0,
    smtp_port: Annotated[int, typer.Option(help="Port of the mailbox; 0 = any free.")] = 0,
    listen: Annotated[str, typer.Option(help="Address of both; who reaches the page may press alarms.")] = LOOPBACK,
) -> None:
    """Run a world: its people's alarms, the radio, a port for each gateway, a mailbox, and a page to watch it."""
    from simulator import serving, world

    configure(LogSettings())
    loaded = _settled(lambda: world.load(file))
    serving.serve(loaded, state, host=listen, api_port=api_port, smtp_port=smtp_port, ready=_introduce)


def _introduce(ports: site_file.Ports) -> None:
    typer.secho(f"Simulated site: {ports.api}", fg="green")
    typer.echo(f"Mailbox (SMTP): 127.0.0.1:{ports.smtp_port}")
    for name, where in ports.hci.items():
        command = f"tocsin simulate gateway --hci {where} --clock {ports.clock}"
        typer.echo(f"Gateway {name}: {command} --config <gateway.toml>")


@app.command()
def gateway(
    hci: Annotated[str, typer.Option(help="host:port of its controller, as the site printed it.")],
    config: Annotated[Path, typer.Option(help="Settings file of the gateway.")],
    clock: Annotated[Path | None, typer.Option(help="File of the world's time; the machine's if left out.")] = None,
    step: Annotated[Path | None, typer.Option(help="File of how wrong its wall clock is.")] = None,
) -> None:
    """Run the real gateway with its Bluetooth adapter on the virtual radio."""
    from simulator import gateway_host

    _settled(lambda: gateway_host.run(hci, config, clock=clock, step=step))


@app.command("move-in")
def move_in(
    file: Annotated[Path, typer.Argument(help="World file (TOML).")],
    config: Annotated[Path, typer.Option(help="Settings file of a hub that runs.")],
    state: State = HERE,
) -> None:
    """Found the world's organisation at a real hub, and enrol its gateways there."""
    from gateway.enrolment.errors import EnrolmentError
    from hub.authority import AuthorityError
    from hub.settings import HubSettings
    from simulator import moving_in, world
    from tocsin.settings import load

    loaded = _settled(lambda: world.load(file))
    settings = _settled(lambda: load(HubSettings, config))
    try:
        moving_in.move_in(loaded, settings, state, typer.echo)
    except (EnrolmentError, AuthorityError) as wrong:
        _fail(str(wrong))


@app.command()
def resident(name: Annotated[str, typer.Argument(help="Which gateway.")], state: State = HERE) -> None:
    """Run a gateway that has moved in, on the virtual radio of the site that runs here."""
    from gateway.settings import GatewaySettings
    from simulator import gateway_host
    from tocsin.settings import load

    ports = _settled(lambda: site_file.find(state))
    if name not in ports.hci:
        _fail(f"no gateway {name} in this world; there are: {', '.join(ports.hci)}")
    settings = _settled(lambda: load(GatewaySettings, None, data_dir=state / name))
    gateway_host.run_with(ports.hci[name], settings)


@app.command()
def hub(
    config: Annotated[Path, typer.Option(help="Settings file of the hub.")],
    clock: Annotated[Path, typer.Option(help="File of the world's time.")],
) -> None:
    """Run the real hub in the world's time."""
    from simulator import hub_host

    _settled(lambda: hub_host.run(config, clock))


@app.command("run")
def run_scenario(file: Annotated[Path, typer.Argument(help="Scenario file (TOML).")]) -> None:
    """Play a scenario on a whole Tocsin of its own, and say which of its sentences came true."""
    from simulator import scenario, theatre

    if not theatre.play(_settled(lambda: scenario.load(file)), say=typer.echo):
        raise typer.Exit(code=1)


@app.command()
def devices(file: Annotated[Path, typer.Argument(help="World file (TOML).")]) -> None:
    """Print name, address and key of each alarm in a world, for enrolling them."""
    from simulator import world

    loaded = _settled(lambda: world.load(file))
    for person in loaded.people:
        make = loaded.make(person.name)
        typer.echo(f"{make.name}\t{make.address}\t{make.key.hex()}")


@app.command()
def people(state: State = HERE) -> None:
    """Show everybody's alarm as it is now."""
    for person in _ask(state, "GET", "/people"):
        typer.echo(_line(person))


@app.command()
def battery(name: Name, percent: Annotated[int, typer.Argument(min=0, max=100)], state: State = HERE) -> None:
    """Set the charge of somebody's alarm; 0 = it dies."""
    typer.echo(_line(_ask(state, "POST", f"/people/{name}/battery", {"percent": percent})))


@app.command()
def walk(name: Name, place: Annotated[str, typer.Argument(help="Where to.")], state: State = HERE) -> None:
    """Send somebody to a place."""
    _ask(state, "POST", f"/people/{name}/walk", {"place": place})


@app.command()
def faults(
    *,
    jam: Annotated[bool | None, typer.Option("--jam/--no-jam", help="Nobody hears anything.")] = None,
    mute: Annotated[list[str] | None, typer.Option(help="Silence these stations, and no others.")] = None,
    loss: Annotated[float | None, typer.Option(min=0, max=1, help="Share of adverts lost.")] = None,
    repeats: Annotated[float | None, typer.Option(min=0, max=1, help="Share of adverts heard twice.")] = None,
    refuse_mail: Annotated[bool | None, typer.Option("--refuse-mail/--take-mail", help="Break the mailbox.")] = None,
    clear: Annotated[bool, typer.Option(help="First switch all faults off.")] = False,
    state: State = HERE,
) -> None:
    """Break things on purpose; what is not named stays as it is."""
    named = {"jammed": jam, "muted": mute, "loss": loss, "repeats": repeats, "mail_refused": refuse_mail}
    none = {"jammed": False, "muted": [], "loss": 0, "loss_at": {}, "repeats": 0, "mail_refused": False}
    change = {**(none if clear else {}), **{key: value for key, value in named.items() if value is not None}}
    for key, value in _ask(state, "POST", "/faults", change).items():
        typer.echo(f"{key}: {value}")


app.command("explore")(command.explore)


def _command(action: Action) -> Callable[..., None]:
    def act(name: Name, state: State = HERE) -> None:
        typer.echo(_line(_ask(state, "POST", f"/people/{name}/{action}", {})))

    act.__doc__ = f"{action.value.replace('-', ' ').capitalize()}: the wearer does it, or it happens to the alarm."
    return act


for _action in Action:
    app.command(_action.value)(_command(_action))


def _ask(state: Path, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    import httpx

    ports = _settled(lambda: site_file.find(state))
    try:
        answer = httpx.request(method, ports.api + path, json=body, timeout=10)
    except httpx.TransportError as gone:
        _fail(f"{ports.api} does not answer: {gone}")
    if answer.is_error:
        _fail(str(answer.json().get("detail", answer.text)))
    return answer.json()


def _line(person: dict[str, Any]) -> str:
    power = f"{person['battery_percent']} %" if person["is_on"] else "off"
    return (
        f"{person['name']:12} LED {person['led']:14} {person['cause']} {person['stage']}, told: {person['told']} "
        f"(event {person['epoch']}/{person['sequence']}, battery {power})"
    )


def _settled(act: Callable[[], Result]) -> Result:
    try:
        return act()
    except SettingsError as wrong:
        _fail(str(wrong))


def _fail(message: str) -> NoReturn:
    typer.secho(message, fg="red", err=True)
    raise typer.Exit(code=1)
