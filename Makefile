# make        builds build/hyprstream
# make demo   installs what is missing, builds, and lets the bundled model tell a story, be corrected and learn
# make test   installs what is missing, builds, and runs every test
# make bench  prints what share of this machine's limits the program reaches
# make coverage  runs every test and prints the share of lines they reach
# make fuzz   fuzzes every parser for FUZZ_SECONDS each (default 600)
# make install [PREFIX=/usr/local]

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600

.PHONY: all dependencies configure demo test bench coverage fuzz install clean

all: configure
	cmake --build build

dependencies:
	@tools/install_dependencies

configure: dependencies
	@cmake --preset release --log-level=WARNING > /dev/null

demo: all
	@tools/demo

test: all
	@tools/install_dependencies --with-browser
	ctest --test-dir build --output-on-failure

bench: all
	@tools/bench

coverage:
	@tools/install_dependencies --with-coverage
	@tools/coverage

fuzz:
	@tools/install_dependencies --with-fuzz
	@tools/fuzz $(FUZZ_SECONDS)

install: all
	cmake --install build --prefix $(PREFIX)

clean:
	rm -rf build
