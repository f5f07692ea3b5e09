"""Make the pages that ``asv publish`` writes open offline: ``python -m bench.asv_pages``.

They load their scripts from content networks. Here the same releases come once from the npm
registry, are checked, kept in the user's cache, and put beside the pages.
"""

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from mnist_core.data.cache import cache_folder
from mnist_core.data.download import CONNECT_SECONDS, READ_SECONDS
from mnist_core.errors import DataError, MnistBenchError

_REGISTRY = "https://registry.npmjs.org"


@dataclass(frozen=True)
class Package:
    """A release in the npm registry, with the SHA-256 of its archive."""

    name: str
    version: str
    sha256: str

    @property
    def url(self) -> str:
        """Where its archive lies."""
        return f"{_REGISTRY}/{self.name}/-/{self.name}-{self.version}.tgz"


_JQUERY = Package(
    "jquery", "3.3.1", "2c7c70a1e796c1568ff05d45a8cb2da2a0fc6e37426c65e4eef6ee55e217933e"
)
_FLOT = Package("flot", "0.8.3", "5e4cea78a9efa2d3dbba363ac76c688951e6c638ee916883c36e23516208b1ed")
_ORDER_BARS = Package(
    "flot-orderbars", "1.0.0", "e5523ee7cca778f194b34fc31afb6dda40bf1557e6669fda4730c29f53e87101"
)
_STUPID_TABLE = Package(
    "stupid-table-plugin",
    "1.1.3",
    "1186089584b7c2f7fec9ad4232e9aa1adbfea273eaa233b713beb8c2c916b4ac",
)
_MD5 = Package(
    "blueimp-md5", "2.19.0", "0fff5798c7733b21f3e4c0de69ccba12af266e0f01c3e3a41051c0e49a655512"
)
_BOOTSTRAP = Package(
    "bootstrap", "3.1.1", "23b27da4dd80b8fbe8972ac4be87037627e007ad5dd1edb27435844f0a4646a0"
)

_FILES = {
    "jquery-3.3.1.min.js": (_JQUERY, "dist/jquery.min.js"),
    "jquery.flot.min.js": (_FLOT, "jquery.flot.js"),
    "jquery.flot.time.min.js": (_FLOT, "jquery.flot.time.js"),
    "jquery.flot.selection.min.js": (_FLOT, "jquery.flot.selection.js"),
    "jquery.flot.categories.min.js": (_FLOT, "jquery.flot.categories.js"),
    "jquery.flot.orderBars.js": (_ORDER_BARS, "js/jquery.flot.orderBars.js"),
    "stupidtable.min.js": (_STUPID_TABLE, "stupidtable.min.js"),
    "md5.min.js": (_MD5, "js/md5.min.js"),
    "bootstrap.min.js": (_BOOTSTRAP, "dist/js/bootstrap.min.js"),
    "bootstrap.min.css": (_BOOTSTRAP, "dist/css/bootstrap.min.css"),
}

_REMOTE = re.compile(r'(src|href)="(https://[^"]+/([^"/]+\.(?:js|css)))"([^>]*)')
_INTEGRITY = re.compile(r'\s(?:integrity|crossorigin|referrerpolicy)="[^"]*"')


def fetched(package: Package) -> Path:
    """Folder that holds the unpacked release, downloaded if it is not in the cache."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder = cache_folder() / "asv-pages"
    unpacked = pooch.Untar(extract_dir=f"{package.name}-{package.version}")
    try:
        pooch.retrieve(
            package.url,
            known_hash=package.sha256,
            fname=f"{package.name}-{package.version}.tgz",
            path=folder,
            processor=unpacked,
            downloader=pooch.HTTPDownloader(timeout=(CONNECT_SECONDS, READ_SECONDS)),
        )
    except (OSError, ValueError) as error:  # of the network or the disk; a wrong checksum
        raise DataError(
            f"cannot fetch {package.url} ({type(error).__name__}): the pages need it once; "
            "they stay as ASV wrote them, and want the network to be looked at"
        ) from error
    return folder / f"{package.name}-{package.version}" / "package"


def make_local(pages: Path) -> list[str]:
    """Put every script and style of the pages beside them; the files put there.

    Raises
    ------
    DataError
        Where there are no pages, or they want a script that is not known here.
    """
    index = pages / "index.html"
    if not index.is_file():
        raise DataError(f"{index}: no such file; `asv publish` writes it")
    text = index.read_text(encoding="utf-8")
    placed = []

    def local(match: "re.Match[str]") -> str:
        attribute, url, name, rest = match.groups()
        if name not in _FILES:
            raise DataError(f"{index}: wants {url}, which is not known in {__file__}")
        package, file = _FILES[name]
        target = pages / "vendor" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(fetched(package) / file, target)
        placed.append(f"vendor/{name}")
        return f'{attribute}="vendor/{name}"{_INTEGRITY.sub("", rest)}'

    index.write_text(_REMOTE.sub(local, text), encoding="utf-8")
    return placed


def main() -> None:
    """Make the pages of this folder's asv.conf.json local."""
    try:
        settings = json.loads(Path("asv.conf.json").read_text(encoding="utf-8"))
        pages = Path(settings.get("html_dir", "html"))
        print(f"{len(make_local(pages))} scripts and styles put beside {pages / 'index.html'}")
    except (OSError, ValueError, MnistBenchError) as error:
        sys.exit(f"asv_pages: {error}")


if __name__ == "__main__":
    main()
