# `make demo` runs the main job on a demo site, `make test` passes all tests; both install what they need.

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -E env PATH="$$PATH")

.PHONY: demo build install test lint clean

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

clean:
	cargo clean
