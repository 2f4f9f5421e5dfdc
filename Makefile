# A thin front: every target is one or two commands of Meson or of a program in tools/, which say what they do.
#
#   make run      the city, running       make test     every test        make bench   figures, each beside its peer
#   make build    build/machi             make fuzz     libFuzzer         make lint    layout, style, static analysis
#   make format   lay the code out        make install  PREFIX, DESTDIR   make deb     a Debian package
#
# make bench BENCH=json        only the benches with "json" in their name
# make fuzz TARGET=json FUZZ_SECONDS=600
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60

.PHONY: run build test bench fuzz lint format install deb clean

run: build
	@tools/setup run
	@tools/run-city

build:
	@tools/setup build web
	@test -f build/build.ninja || meson setup build --buildtype=release
	@ninja -C build machi

test:
	@tools/setup build web test
	@tools/test.py

bench: build
	@tools/setup bench
	@ninja -C build
	@python3 bench/run.py build $(BENCH)

fuzz:
	@tools/setup build web fuzz
	@tools/fuzz.sh "$(FUZZ_SECONDS)" "$(TARGET)"

lint:
	@tools/setup build web lint
	@tools/lint.py

format:
	@tools/setup lint
	@tools/lint.py --format

install: build
	@meson configure build --prefix="$(abspath $(PREFIX))"
	@DESTDIR="$(DESTDIR)" meson install -C build

deb:
	@tools/setup build web deb
	@packaging/debian/build

clean:
	rm -rf build build-test build-tsan build-clang build-fuzz build-deb
