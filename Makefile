# The two commands: `make demo` shows the main job, `make test` passes the tests.

CARGO ?= cargo
PYTHON ?= python3
BERT_NER = target/release/bert-ner
DEMO = target/demo

.PHONY: demo test test-browser test-api check clean

## Fine-tune a small pretrained BERT on the sample corpus, print its scores, tag a sentence.
demo: models/minilm/model.safetensors
	$(CARGO) build --release --locked --package bert-ner
	$(BERT_NER) train --model models/minilm --data examples/corpus --output $(DEMO) --overwrite \
		--epochs 6 --learning-rate 2e-4 --warmup-ratio 0.1
	$(BERT_NER) eval --model $(DEMO) --data examples/corpus/test.conll
	echo 'Ada Lovelace met Charles Babbage of the Royal Society in London .' | $(BERT_NER) predict --model $(DEMO)

models/minilm/model.safetensors:
	$(PYTHON) tools/fetch-minilm

## Every test. Those that want real corpora or MiniLM say so when they are skipped.
test:
	$(CARGO) test --locked --workspace --no-fail-fast

## The page of `serve` in a real Chromium, with screenshots in target/browser. Needs node 20 and a browser (Debian: chromium).
## MODEL=DIR serves that fine-tuned folder instead of the demo's.
MODEL ?= $(DEMO)
test-browser: $(MODEL)/config.json
	$(CARGO) build --release --locked --package bert-ner
	npm ci --prefix tools/browser --no-audit --no-fund
	BERT_NER=$(BERT_NER) MODEL=$(MODEL) node --test tools/browser/

## What schemathesis (pip install schemathesis==4.32.5) makes of the OpenAPI document, against the server; SCHEMATHESIS names it.
test-api: $(MODEL)/config.json
	$(CARGO) build --release --locked --package bert-ner
	BERT_NER=$(BERT_NER) tools/api/check $(MODEL)

$(DEMO)/config.json:
	$(MAKE) demo

## What CI adds to the tests.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --locked --workspace --no-deps
	$(CARGO) check --locked --workspace --examples
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) check --manifest-path fuzz/Cargo.toml

clean:
	$(CARGO) clean
