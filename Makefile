# `make demo` runs the main job on a demo site, `make test` passes all tests; both install what they need.

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -E env PATH="$$PATH")

.PHONY: demo build install test bench-reload bench-serve fuzz lint clean

demo: build
	@scripts/demo target/release/djwsgi

build:
	@scripts/need run
	cargo build --release --locked

install: build
	install -d $(DESTDIR)/usr/local/bin
	install -m 755 target/release/djwsgi $(DESTDIR)/usr/local/bin/djwsgi

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

# The tests become an ordinary user of their own, and try what is different for root.
test:
	@scripts/need test
	$(MAKE) lint
	cargo test --locked --no-run
	$(SUDO) tests/prepare
	@scripts/run-tests "$(SUDO)"

# The reload against other servers, an hour and more. BENCH="--quick", "--help": options of bench/reload.py.
bench-reload: build
	@scripts/need bench
	$(SUDO) bench/prepare target/release/djwsgi
	$(SUDO) bench/run $(BENCH)
	@bench/put reload /var/tmp/djwsgi-bench/benchmarks.md

# Requests per second of the production config against other servers, a quarter of an hour. BENCH="--quick": options of bench/serve.py.
bench-serve: build
	@scripts/need bench
	$(SUDO) bench/prepare target/release/djwsgi
	$(SUDO) bench/serve.py $(BENCH)
	@bench/put serving /var/tmp/djwsgi-bench/serving.md

# Any values through the real parsers, an hour and more. CASES="1000": how many of each kind.
CASES ?= 100000
fuzz:
	@scripts/need test
	DJWSGI_CASES=$(CASES) cargo test --release --locked --lib roundtrip

clean:
	cargo clean
