#!/usr/bin/env python3
"""Carries vLLM to a GPU node that has PyTorch and can fetch nothing, in parts that each fit a limited transfer.

    carry.py pack OUT [--wheels FOLDER] [--add FOLDER=NAME ...] [--limit MIB]
    carry.py unpack FOLDER INTO [--patience SECONDS]

`pack` runs where a package index can be reached. It downloads the wheels of `wheels.txt` (each checked against its sha256),
unpacks them into one folder, leaves out what a dense model on Hopper does not need, adds folders or files of one's own
(`--add target/release/packs=plumb/packs`), and writes one compressed stream in pieces, `carried.tar.xz.N`, with `pieces.sha256` into OUT.
`unpack` checks each piece and unpacks them under INTO, where `site` is then a folder for PYTHONPATH. It may start before
all have arrived, so that the first are unpacked while the others are on their way: move each into FOLDER under its name in
one step.

The wheels are those that vLLM 0.25.1 asks for, less what a node with PyTorch 2.11.0, transformers 5.17.0 and the usual scientific packages
has already, and less what only other models or other kernels want (flashinfer, tilelang, cutlass, video decoding).
"""

import argparse
import fnmatch
import hashlib
import lzma
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

NAME = "carried.tar.xz"
HERE = pathlib.Path(__file__).resolve().parent

# Not needed by a dense model on Hopper, which uses flash attention 3: kernels of flash attention 2, of mixtures of experts and of
# quantisation, the Rust front end, headers for compiling at run time, other Pythons' builds.
DROPPED = [
    "vllm/vllm_flash_attn/_vllm_fa2_C.abi3.so",
    "vllm/_moe_C_stable_libtorch.abi3.so",
    "vllm/_qutlass_C.abi3.so",
    "vllm/vllm-rs",
    "vllm/third_party/*/include/*",
    "vllm/third_party/*/*/include/*",
    "vllm/third_party/deep_gemm/_C.*",
    "vllm/entrypoints/serve/instrumentator/static/*",
    "mistral_common/data/*",
    "*/tests/*",
    "*.a",
    "*.jpg",
    "*.png",
]

PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in (17, 24, 26, 27, 28, 31, 34, 35)] + [
    "manylinux2014_x86_64",
    "manylinux1_x86_64",
]


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def download(folder):
    """Wheels of `wheels.txt`, which pip checks against its hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--python-version", "3.12", "--implementation", "cp", *platforms, "-d", str(folder)]
    subprocess.run([*command, "-r", str(HERE / "wheels.txt")], check=True)


def wanted_hashes():
    return {word.split(":")[1] for line in open(HERE / "wheels.txt") for word in line.split() if word.startswith("--hash=")}


def pack(options):
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    wheels = pathlib.Path(options.wheels) if options.wheels else out / "wheels"
    if not any(wheels.glob("*.whl")):
        download(wheels)
    known = wanted_hashes()
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        site = pathlib.Path(scratch) / "site"
        for wheel in sorted(wheels.glob("*.whl")):
            if sha256(wheel) not in known:
                sys.exit(f"{wheel.name} is not one of wheels.txt, or differs from it: remove it")
            with zipfile.ZipFile(wheel) as archive:
                for name in archive.namelist():
                    if not any(fnmatch.fnmatch(name, pattern) for pattern in DROPPED):
                        archive.extract(name, site)
        # What a wheel keeps under `NAME.data/purelib` belongs beside the packages.
        for folder in [*site.glob("*.data/purelib/*"), *site.glob("*.data/platlib/*")]:
            folder.rename(site / folder.name)
        files = [(path, f"site/{path.relative_to(site)}") for path in site.rglob("*") if path.is_file()]
        for item in options.add:
            source, name = item.split("=", 1)
            source = pathlib.Path(source)
            if source.is_file():
                files.append((source, name))
            files += [(path, f"{name}/{path.relative_to(source)}") for path in sorted(source.rglob("*")) if path.is_file()]
        write_pieces(out, files, options.limit << 20)


# A large dictionary finds what the kernels of several architectures have in common.
FILTERS = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 192 << 20}]


class Pieces:
    """A stream of bytes, written as `NAME.1`, `NAME.2`, ... of at most `limit` bytes each."""

    def __init__(self, folder, limit):
        self.folder, self.limit = folder, limit
        self.paths, self.file, self.room = [], None, 0

    def write(self, data):
        rest = memoryview(data)
        while rest:
            if not self.room:
                self.close()
                self.paths.append(self.folder / f"{NAME}.{len(self.paths) + 1}")
                self.file, self.room = open(self.paths[-1], "wb"), self.limit
            written = self.file.write(rest[: self.room])
            self.room -= written
            rest = rest[written:]
        return len(data)

    def close(self):
        if self.file:
            self.file.close()


def write_pieces(out, files, limit):
    pieces = Pieces(out, limit)
    # Large files first, so that unpacking them goes on while the rest is carried; small ones by kind, so that they compress well.
    files.sort(key=lambda file: (-max(file[0].stat().st_size >> 24, 0), pathlib.Path(file[1]).suffix, file[1]))
    with lzma.open(pieces, "wb", format=lzma.FORMAT_XZ, filters=FILTERS) as stream:
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            for path, name in files:
                archive.add(path, name, filter=plain)
    pieces.close()
    (out / "pieces.sha256").write_text("".join(f"{sha256(path)}  {path.name}\n" for path in pieces.paths))
    for path in pieces.paths:
        print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB", flush=True)


def plain(info):
    """Times and owners do not matter, and would make the pieces differ from run to run."""
    info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
    return info


class Arriving:
    """The stream of bytes again, from pieces that may still be on their way."""

    def __init__(self, folder, patience):
        self.folder, self.patience = folder, patience
        sums = (folder / "pieces.sha256").read_text().splitlines()
        self.waiting = [line.split() for line in sums]
        self.file = None

    def read(self, size=-1):
        while True:
            if self.file and (data := self.file.read(size)):
                return data
            if not self.waiting:
                return b""
            self.file = self.next()

    def next(self):
        wanted, name = self.waiting.pop(0)
        path = self.folder / name
        ends = time.monotonic() + self.patience
        while not path.exists():
            if time.monotonic() > ends:
                sys.exit(f"{name} did not arrive in {self.patience} s")
            time.sleep(0.2)
        if sha256(path) != wanted:
            sys.exit(f"{name} does not match pieces.sha256: carry it again")
        return open(path, "rb")


def unpack(options):
    source = Arriving(pathlib.Path(options.folder), options.patience)
    with lzma.open(source, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        archive.extractall(options.into, filter="tar")
    print("unpacked", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("pack")
    command.add_argument("out")
    command.add_argument("--wheels", help="folder of wheels that were downloaded before")
    command.add_argument("--add", action="append", default=[], metavar="FOLDER=NAME")
    command.add_argument("--limit", type=int, default=44, metavar="MIB", help="most a piece may take")
    command.set_defaults(run=pack)
    command = commands.add_parser("unpack")
    command.add_argument("folder")
    command.add_argument("into")
    command.add_argument("--patience", type=float, default=600, metavar="SECONDS", help="how long to wait for a piece")
    command.set_defaults(run=unpack)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
