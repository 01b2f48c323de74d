# make help lists the targets. Everything that is fetched or made goes to
# .cache/ and bin/; nothing is installed elsewhere, but for the JPEG library
# (see tools/setup-native.sh) and a browser (see tools/setup-browser.sh).

GO      ?= go
PYTHON  ?= python3
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# How long each fuzz target runs, and how often the benchmark repeats.
FUZZTIME ?= 10s
ROUNDS   ?= 5

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0

# Looked up when it is used, since setup may install the library.
GOTAGS = $(shell pkg-config --exists libjpeg 2>/dev/null || echo nojpegturbo)

CACHE       := $(CURDIR)/.cache
ORT_LIBRARY := $(CACHE)/onnxruntime/lib/libonnxruntime.$(if $(filter Darwin,$(shell uname -s)),1.32.0.dylib,so.1.32.0)
MODELS      := $(patsubst %,$(CACHE)/models/efficientnet_lite%.json,0 1 2)
PHOTOGRAPHS := $(CACHE)/data/imagenet20
VENV        := $(CACHE)/venv
REFERENCE   := $(CACHE)/imagecorruptions
TORCH       := $(CACHE)/torch
NATIVE      := $(CACHE)/native
BROWSER     := $(CACHE)/browser

# A library of the user's own is taken as it is.
ifeq ($(origin ONNXRUNTIME_LIB),undefined)
ONNXRUNTIME_LIB := $(ORT_LIBRARY)
endif
export ONNXRUNTIME_LIB PYTHON

.PHONY: help setup build demo test race fuzz bench bench-corruptions bench-gradients lint schema vendor-charts clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(NATIVE) $(BROWSER) $(ONNXRUNTIME_LIB) $(VENV)/demo.txt $(VENV)/test.txt $(MODELS) $(PHOTOGRAPHS) ## fetch and make what demo and test need

$(NATIVE): tools/setup-native.sh
	@tools/setup-native.sh

$(BROWSER): tools/setup-browser.sh
	@tools/setup-browser.sh

$(ORT_LIBRARY): tools/setup-onnxruntime.sh
	@tools/setup-onnxruntime.sh

# The groups share an environment, so they are installed one by one.
$(VENV)/demo.txt: tools/python/demo.txt tools/setup-python.sh
	@tools/setup-python.sh demo

$(VENV)/test.txt: tools/python/test.txt $(VENV)/demo.txt
	@tools/setup-python.sh test

$(VENV)/bench.txt: tools/python/bench.txt $(VENV)/test.txt
	@tools/setup-python.sh bench

$(CACHE)/models/efficientnet_lite%.json: tools/setup-model.sh tools/convert_efficientnet_lite.py | $(VENV)/demo.txt
	@tools/setup-model.sh $*

$(PHOTOGRAPHS): tools/setup-photographs.sh
	@tools/setup-photographs.sh

build: $(NATIVE) ## build bin/pipeline
	$(GO) build -trimpath -tags '$(GOTAGS)' -ldflags '-s -w -X quba/pipeline.Version=$(VERSION)' -o bin/pipeline ./cmd/pipeline

demo: build $(ONNXRUNTIME_LIB) $(MODELS) $(PHOTOGRAPHS) ## measure and rank three real classifiers on 20 photographs
	bin/pipeline run --overwrite configs/demo.yaml >/dev/null
	bin/pipeline rank --allow-partial results/demo

test: $(NATIVE) $(ONNXRUNTIME_LIB) $(VENV)/test.txt ## run the tests
	@$(PYTHON) tools/gotest.py -tags '$(GOTAGS)' ./...

race: $(NATIVE) $(ONNXRUNTIME_LIB) $(VENV)/test.txt ## run the tests with the race detector
	@$(PYTHON) tools/gotest.py -race -tags '$(GOTAGS)' ./...

fuzz: $(NATIVE) $(ONNXRUNTIME_LIB) ## run each fuzz target for FUZZTIME
	@tools/fuzz.sh $(FUZZTIME) -tags '$(GOTAGS)'

bench: build $(ONNXRUNTIME_LIB) $(VENV)/bench.txt $(MODELS) $(PHOTOGRAPHS) ## compare with a Python baseline and with onnxruntime alone; time each corruption
	@$(VENV)/bin/python bench/run.py --rounds $(ROUNDS)
	@$(MAKE) --no-print-directory bench-corruptions

bench-corruptions: $(NATIVE) ## compare the time of each corruption with the Python reference
	@$(MAKE) -s --no-print-directory $(REFERENCE)/corruptions.txt || echo "the Python reference cannot be installed" >&2
	@GO='$(GO)' $(PYTHON) bench/corruptions.py --rounds $(ROUNDS) --tags '$(GOTAGS)'

# In a folder of its own: it needs older packages than the rest.
$(REFERENCE)/corruptions.txt: tools/python/corruptions.txt
	@rm -rf $(REFERENCE)
	@$(PYTHON) -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action ignore --no-deps \
		--require-hashes --only-binary :all: --target $(REFERENCE) --requirement $<
	@cp $< $@

# PyTorch is large, so nothing else needs it. A Python that has the packages of
# tools/python/gradients.in already is taken with TORCH_PYTHON=...
ifeq ($(origin TORCH_PYTHON),undefined)
TORCH_PYTHON   := PYTHONPATH=$(TORCH) $(PYTHON)
TORCH_PACKAGES := $(TORCH)/gradients.txt
endif

bench-gradients: build $(ONNXRUNTIME_LIB) $(TORCH_PACKAGES) ## compare gradients and attacks with PyTorch, which it fetches: 6 GB on Linux
	@GO='$(GO)' $(TORCH_PYTHON) bench/gradients.py --rounds $(ROUNDS) --tags '$(GOTAGS)'
	@GO='$(GO)' $(TORCH_PYTHON) bench/gradients.py --accuracy --tags '$(GOTAGS)'
	@$(TORCH_PYTHON) bench/attacks.py

$(TORCH)/gradients.txt: tools/python/gradients.txt
	@rm -rf $(TORCH)
	@$(PYTHON) -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action ignore --no-deps \
		--require-hashes --only-binary :all: --target $(TORCH) --requirement $<
	@cp $< $@

lint: $(NATIVE) ## go vet, staticcheck, gofumpt
	$(GO) vet -tags '$(GOTAGS)' ./...
	$(GO) run $(STATICCHECK) -tags '$(GOTAGS)' ./...
	@unformatted=$$($(GO) run $(GOFUMPT) -l .) && if [ -n "$$unformatted" ]; then \
		echo "not formatted as gofumpt does:"; echo "$$unformatted"; exit 1; fi

vendor-charts: ## fetch the chart libraries of the report anew
	@tools/vendor-charts.sh

schema: build ## regenerate configs/schema.json
	bin/pipeline schema >configs/schema.json.new
	mv configs/schema.json.new configs/schema.json

clean: ## remove what was built and measured
	rm -rf bin results .bench

distclean: clean ## remove what was fetched, too
	rm -rf .cache
