#!/usr/bin/env python3
"""Holds the rooms of src/ against deps.txt, the one place that says who may use whom.

Usage:
  check-rooms.py includes DEPS_FILE SOURCE_FOLDER      every #include "room/file.h" is allowed
  check-rooms.py symbols DEPS_FILE ROOM=ARCHIVE…       every symbol taken from another room is allowed; pure rooms
                                                       refer to nothing impure; no room has mutable globals
Prints TAP, a case a room. The third check, that every room links with only what it declares, is done by the linker:
src/meson.build links each room as a shared object with --no-undefined.
"""
import os
import re
import subprocess
import sys

# What a pure room must not refer to. Names are compared without the C library's decorations: __x_chk (fortified), x64
# (large files), __isoc99_x.
IMPURE = {
    "files and streams": """
        open openat creat read readv pread pwrite write writev close lseek fopen fdopen freopen fclose fflush fread
        fwrite fgets fgetc getc fputs fputc putc puts putchar printf fprintf vprintf vfprintf dprintf vdprintf perror
        getline getdelim scanf fscanf stdin stdout stderr stat fstat lstat fstatat access unlink unlinkat remove rename
        renameat mkdir rmdir opendir readdir scandir ftruncate truncate fsync fdatasync mmap munmap msync mkstemp
        tmpfile realpath chdir getcwd flock fcntl ioctl pipe pipe2 dup dup2 sendfile""",
    "network": """
        socket bind listen accept accept4 connect send sendto sendmsg recv recvfrom recvmsg getaddrinfo gethostbyname
        poll ppoll select pselect epoll_create1 epoll_ctl epoll_wait eventfd""",
    "processes and their surroundings": """
        fork vfork execv execve execvp execl execlp posix_spawn system popen wait waitpid kill raise signal sigaction
        exit _exit quick_exit atexit getenv secure_getenv setenv putenv environ setlocale syslog openlog dlopen dlsym
        getpid getuid gethostname sysconf""",
    "clock": """
        time clock clock_gettime clock_getres gettimeofday times ftime localtime localtime_r gmtime mktime timelocal
        tzset sleep usleep nanosleep clock_nanosleep alarm timer_create timerfd_create""",
    "threads": """
        call_once sem_init sem_post sem_wait sched_yield gettid __tls_get_addr""",
    "random": """
        rand rand_r srand random srandom random_r drand48 lrand48 mrand48 srand48 getrandom getentropy arc4random
        arc4random_uniform arc4random_buf""",
}
IMPURE_PREFIXES = {"pthread_": "threads", "thrd_": "threads", "mtx_": "threads", "cnd_": "threads"}
# Parts of the C++ library, by their mangled names.
IMPURE_CXX = re.compile(r"^_ZN?K?St(4cout|4cerr|4clog|3cin|6thread|6chrono|13random_device|5mutex|18condition_variable|"
                        r"13basic_filebuf|14basic_ifstream|14basic_ofstream|13basic_fstream)")
# (room, symbol): why it is none the less allowed.
ALLOWED = {
}
# (room, object in .data or .bss): why this mutable global is none the less allowed.
GLOBALS_ALLOWED = {
    ("store", "sqlite_own"): "SQLite's own page cache, asked for once when the program is loaded",
    ("ngsild", "DW.ref.__gxx_personality_v0"): "where query_pattern.cc catches exceptions; the linker fills it in",
    ("ngsild", "DW.ref._ZTISt9bad_alloc"): "the same",
    ("promql", "DW.ref.__gxx_personality_v0"): "pattern.cc, as above",
    ("promql", "DW.ref._ZTISt9bad_alloc"): "the same",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


class Room:
    def __init__(self, name, pure, uses):
        self.name, self.pure, self.uses = name, pure, uses


def read_deps(path):
    """The rooms of deps.txt in its order. A room that uses one not above it ends the program."""
    rooms = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            found = re.fullmatch(r"(pure )?\s*([\w/]+):((?:\s+[\w/]+)*)", line)
            if not found:
                sys.exit(f"{path}:{number}: not of the form \"[pure] room: used rooms\"")
            name, uses = found[2], found[3].split()
            for used in uses:
                if used not in rooms:
                    sys.exit(f"{path}:{number}: {name} uses {used}, which does not stand above it")
                if found[1] and not rooms[used].pure:
                    sys.exit(f"{path}:{number}: {name} is pure and cannot use {used}, which is not")
            rooms[name] = Room(name, bool(found[1]), set(uses))
    return rooms


def room_of(path, rooms):
    """The room that a path relative to src/ lies in, or None."""
    folder = os.path.dirname(path)
    while folder and folder not in rooms:
        folder = os.path.dirname(folder)
    return folder or None


def source_files(source):
    for folder, _, names in os.walk(source):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".cc")):
                yield os.path.relpath(os.path.join(folder, name), source)


def include_fault(source, path, included, rooms):
    """What is wrong with an #include in path, or None."""
    if os.path.exists(os.path.join(source, os.path.dirname(path), included)):
        return None
    own, other = room_of(path, rooms), room_of(included, rooms)
    if other is None:
        return f'"{included}" names no room: write "room/file.h"'
    if not os.path.exists(os.path.join(source, included)):
        return f'"{included}" does not exist'
    if other == own:
        return None
    if included.endswith("_int.h"):
        return f'"{included}" is internal to {other}'
    if other not in rooms[own].uses:
        return f'{own} may not use {other} ("{included}"): deps.txt allows {" ".join(sorted(rooms[own].uses)) or "none"}'
    return None


def check_includes(deps, source):
    """{room: faults} of all the #include lines below source."""
    rooms = read_deps(deps)
    faults = {name: [] for name in rooms}
    for path in source_files(source):
        own = room_of(path, rooms)
        if own is None:
            faults.setdefault("(no room)", []).append(f"{path}: lies in no room of deps.txt")
            continue
        with open(os.path.join(source, path), encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                found = INCLUDE.match(line)
                fault = found and include_fault(source, path, found[1], rooms)
                if fault:
                    faults[own].append(f"{path}:{number}: {fault}")
    return faults


def plain(symbol):
    """A symbol without version and without the C library's decorations."""
    symbol = symbol.split("@")[0]
    found = re.fullmatch(r"__(\w+?)_chk|__isoc\d+_(\w+)|__(open)64_2", symbol)
    if found:
        symbol = found[1] or found[2] or found[3]
    return symbol[:-2] if symbol.endswith("64") else symbol


def impure_kind(symbol):
    """Which kind of impurity a symbol is, or None."""
    name = plain(symbol)
    for prefix, kind in IMPURE_PREFIXES.items():
        if name.startswith(prefix):
            return kind
    for kind, names in IMPURE.items():
        if name in names.split():
            return kind
    return "input, clock, threads or random of the C++ library" if IMPURE_CXX.match(symbol) else None


class Archive:
    """The symbols of a static library."""

    def __init__(self, path):
        self.defined, self.undefined, self.mutable = set(), set(), set()
        done = subprocess.run(["nm", "-f", "sysv", path], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            fields = [field.strip() for field in line.split("|")]
            if len(fields) == 7:
                self.take(fields[0], fields[2], fields[3], fields[6])
        self.undefined -= self.defined

    def take(self, name, kind, type_, section):
        if kind in "Uw":
            self.undefined.add(name)
        elif kind.isupper() or kind in "uv":
            self.defined.add(name)
        if type_ in ("OBJECT", "TLS") and re.match(r"\.(t?data|t?bss)(?!\.rel\.ro)", section):
            self.mutable.add(re.sub(r"\.\d+$", "", name))


def check_symbols(deps, paths):
    """{room: faults} of the rooms' archives, given as {room: path}."""
    rooms = read_deps(deps)
    archives = {name: Archive(path) for name, path in paths.items()}
    owner = {symbol: name for name, archive in archives.items() for symbol in archive.defined
             if not symbol.startswith("_Z")}
    faults = {name: [] for name in paths}
    for name, archive in archives.items():
        for symbol in sorted(archive.undefined):
            other = owner.get(symbol)
            if other and other != name and other not in rooms[name].uses:
                faults[name].append(f"{name} takes {symbol} from {other}, which deps.txt does not allow")
            kind = impure_kind(symbol) if rooms[name].pure and not other else None
            if kind and (name, plain(symbol)) not in ALLOWED:
                faults[name].append(f"{name} is pure but refers to {symbol} ({kind})")
        for symbol in sorted(archive.mutable):
            if (name, symbol) not in GLOBALS_ALLOWED:
                faults[name].append(f"{name} has a mutable global: {symbol}")
    return faults


def report(what, faults):
    """Prints the cases as TAP; returns the exit code."""
    for number, (room, messages) in enumerate(faults.items(), 1):
        for message in messages:
            print(f"# {message}")
        print(f"{'not ok' if messages else 'ok'} {number} - {what} of {room}")
    print(f"1..{len(faults)}")
    return 1 if any(faults.values()) else 0


def main():
    arguments = sys.argv[1:]
    if len(arguments) == 3 and arguments[0] == "includes":
        sys.exit(report("includes", check_includes(arguments[1], arguments[2])))
    if len(arguments) > 2 and arguments[0] == "symbols":
        paths = dict(argument.split("=", 1) for argument in arguments[2:])
        sys.exit(report("symbols", check_symbols(arguments[1], paths)))
    sys.exit(__doc__)


if __name__ == "__main__":
    main()
