"""contracts.json: where a package's protos are, and to which Swift module each proto package belongs."""

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FILE = "contracts.json"
VERSION = re.compile(r"v\d+\w*")
MEMBERS = {"protos": str, "module": str, "sources": str, "packages": dict, "system": dict, "plugin": str}
MODULE_MEMBERS = {"module": str, "sources": str, "visibility": str}
VISIBILITIES = ("public", "package")
SYSTEM_MEMBERS = {"prefix": str, "gateway": str, "contracts": str, "topology": str}


class Refusal(Exception):
    """A mistake of the user, with what to do about it."""


@dataclass(frozen=True)
class Module:
    name: str
    # The folder of the generated sources.
    sources: str
    # The access level of the generated declarations: one of `VISIBILITIES`.
    visibility: str = "public"


@dataclass(frozen=True)
class System:
    # Of the proto packages, as in `acme.`.
    prefix: str
    # Folders of generated sources, and a JSON file with lists of topics and scopes; `None` for those that are not wanted.
    gateway: str | None
    contracts: str | None
    topology: str | None


class Configuration:
    """Each member is optional: see Docs/Guides/Contracts.md. All paths are relative to the package's folder."""

    def __init__(self, members):
        require(members, MEMBERS, "")
        self.protos = path(members.get("protos", "Protos"), "protos")
        self.module_rule = members.get("module", "{Name}Contract")
        self.sources_rule = members.get("sources", "Sources/{module}")
        self.packages = members.get("packages", {})
        for package, values in self.packages.items():
            require(values, MODULE_MEMBERS, f"packages.{package}")
        self.system = self.read_system(members["system"]) if "system" in members else None
        # Only Martlet has this: the plugin's own sources, which are generated before the plugin is built.
        self.plugin = inside(members["plugin"], "plugin") if "plugin" in members else None

    @classmethod
    def read(cls, folder):
        file = folder / FILE
        if not file.exists():
            return cls({})
        try:
            return cls(json.loads(file.read_text(encoding="utf-8")))
        except ValueError as error:
            raise Refusal(f"{FILE}: {error}") from None

    @staticmethod
    def read_system(values):
        require(values, SYSTEM_MEMBERS, "system")
        prefix = values.get("prefix", "").rstrip(".")
        if not prefix:
            raise Refusal(f'{FILE}: system.prefix is missing: the first words of its proto packages, as in "acme."')
        paths = {name: inside(values[name], f"system.{name}") for name in SYSTEM_MEMBERS if name != "prefix" and name in values}
        return System(prefix + ".", *(paths.get(name) for name in ("gateway", "contracts", "topology")))

    def module(self, package):
        """The module of a proto package: its entry, or the rules."""
        values = self.packages.get(package, {})
        name = short_name(package)
        module = values.get("module", self.module_rule.replace("{Name}", name))
        if not re.fullmatch(r"[A-Za-z_]\w*", module):
            raise Refusal(f"{FILE}: '{module}' is not a module's name (package {package})")
        rule = values.get("sources", self.sources_rule)
        sources = inside(rule.replace("{Name}", name).replace("{module}", module), f"sources of {package}")
        visibility = values.get("visibility", "public")
        if visibility not in VISIBILITIES:
            raise Refusal(f"{FILE}: packages.{package}.visibility: '{visibility}' is not {' or '.join(VISIBILITIES)}")
        return Module(module, sources, visibility)

    def modules(self, packages):
        """The module of each proto package."""
        for package in self.packages:
            if package not in packages:
                raise Refusal(f"{FILE}: packages.{package}: {self.protos} has no such package")
        found = {package: self.module(package) for package in packages}
        owners = {}
        for package, module in found.items():
            other = owners.setdefault(module.sources, package)
            if other != package:
                raise Refusal(
                    f"packages {other} and {package} are both generated into {module.sources}: name another module for one "
                    f'of them in {FILE}, as in {{"packages": {{"{package}": {{"module": "{module.name}2"}}}}}}'
                )
        return found


def short_name(package):
    """The last word of a proto package without its version, as in `ShortLinks` for `acme.short_links.v1`."""
    words = package.split(".")
    if len(words) > 1 and VERSION.fullmatch(words[-1]):
        words.pop()
    return "".join(word[:1].upper() + word[1:] for word in words[-1].split("_"))


def require(values, members, where):
    """Refuses unknown members, and values of another type."""
    if not isinstance(values, dict):
        raise Refusal(f"{FILE}: {where or 'the file'} is not an object")
    for name, value in values.items():
        full = f"{where}.{name}" if where else name
        if name not in members:
            raise Refusal(f"{FILE}: unknown member {full}; known are {', '.join(members)}")
        if not isinstance(value, members[name]):
            raise Refusal(f"{FILE}: {full} is not {'a text' if members[name] is str else 'an object'}")


def path(text, where):
    """A relative path in its shortest form."""
    if not text or text.startswith("/"):
        raise Refusal(f"{FILE}: {where}: '{text}' is not a path relative to the package")
    return PurePosixPath(text).as_posix()


def inside(text, where):
    """A path inside the package: the generator writes nothing elsewhere."""
    found = path(text, where)
    if ".." in Path(found).parts:
        raise Refusal(f"{FILE}: {where}: '{text}' is outside the package")
    return found
