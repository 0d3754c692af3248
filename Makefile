# Set-up, tests and the bot. Without make (on Windows, say), README.md lists the same steps as plain commands.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
ENCODER_TRIED := $(VENV)/.encoder-tried

.PHONY: run setup test check audit lock
.SILENT:

# Set-up and training speak on standard error and read no input: standard output belongs to the chat.
run: setup
	$(RUN) -m scripts.train --if-due 1>&2 </dev/null
	exec $(RUN) -m bot

setup: $(INSTALLED) $(ENCODER_TRIED)

$(INSTALLED): requirements.lock pyproject.toml
	echo "Installing into $(VENV) (once; it takes a minute or two) ..." >&2
	$(PYTHON) -m venv $(VENV) 1>&2 </dev/null
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock 1>&2 </dev/null
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . 1>&2 </dev/null
	touch $(INSTALLED)

# Each source is tried once, and training does without where none answers; later only scripts.fetch_encoder tries again.
$(ENCODER_TRIED): model/encoder_files.py | $(INSTALLED)
	echo "Looking for the sentence encoder (90 MB, once) ..." >&2
	$(RUN) -m scripts.fetch_encoder --once 1>&2 </dev/null
	touch $(ENCODER_TRIED)

test: setup
	$(RUN) -m pytest

check: setup
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

# Known vulnerabilities of the locked versions; needs the network.
audit: setup
	$(RUN) -m scripts.audit

# Writes the exact versions anew from the ranges in pyproject.toml, for every platform at once. Needs uv.
lock:
	uv pip compile pyproject.toml --extra train --group dev --universal --generate-hashes --python-version 3.11 \
		--upgrade --no-header --quiet --output-file requirements.lock
	cp requirements.lock deploy/requirements.lock # the same versions, without training and tests
	uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.11 \
		--no-header --quiet --output-file deploy/requirements.lock
