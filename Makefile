# Two commands: `make run` opens the dashboard, `make test` proves it. Everything lives in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

PHOTOS ?= $(wildcard ../shared/photos/*)

.PHONY: run test lint starter planted install install-test browser clean

run: install
	$(BIN)/neuronscope serve $(ARGS)

test: install-test browser
	$(BIN)/python -m pytest $(ARGS)

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The starter pack and the atlases that ship: everything they hold is drawn and measured anew, for
# about an hour and a half; a run that is ended goes on where it was. ARGS="--minutes 20" stops early, "--device cuda" uses a GPU.
starter: install
	$(BIN)/python -m analysis.starter --out cache/pack --photos $(PHOTOS) $(ARGS)
	$(BIN)/python -m analysis.atlas.ship --out cache/maps --photos $(PHOTOS) --work cache/.maps-work

# The two small networks of "find the planted bug": drawn, trained and measured anew, in minutes.
planted: install
	$(BIN)/python -m analysis.planted_training --out cache/examples $(ARGS)

install: $(VENV)/.installed

install-test: $(VENV)/.installed-test

# torch first and by itself: its pinned version is the small CPU build where there is no GPU.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[samples,timm]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[samples,timm,video,test]'
	touch $@

# The system's Chromium, for the browser tests; asks for root only where it is missing.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  SUDO=$$(test "$$(id -u)" = 0 || echo sudo); \
	  $$SUDO apt-get update -qq && $$SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-dejavu-core; }

clean:
	rm -rf $(VENV) build *.egg-info
