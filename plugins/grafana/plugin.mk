# The Grafana plugin: how it is built, packed and checked. Needs Node from 20 on; without one it comes from npm into build/.
GRAFANA  := plugins/grafana
GRAFANA_SOURCES := $(shell git ls-files --cached --others --exclude-standard $(GRAFANA) 2>/dev/null)
# Other versions of Grafana that the plugin is checked with, in make soak.
GRAFANA_VERSIONS := 11.6.14 13.2.2
.PHONY: grafana-plugin grafana-check grafana-soak

build/grafana/modules.ok: $(GRAFANA)/package.json $(GRAFANA)/package-lock.json
	@mkdir -p $(@D)
	@$(GRAFANA)/with-node npm ci --prefix $(GRAFANA) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
build/grafana/built.ok: build/grafana/modules.ok $(GRAFANA_SOURCES)
	@cd $(GRAFANA) && ./with-node npm run -s build
	@touch $@
grafana-plugin: build/grafana/built.ok ## the Grafana data source plugin as a zip under build/grafana
	@/usr/bin/python3 $(GRAFANA)/pack.py $(GRAFANA)/dist build/grafana
grafana-check: programs ## the plugin: types, lint, tests, package, in a browser against the daemon
	@$(GRAFANA)/check
grafana-soak: programs build/grafana/built.ok ## the plugin with the packages of other Grafana versions, and a panel of 200 series over 30 days
	@for v in $(GRAFANA_VERSIONS); do echo "Grafana $$v"; /usr/bin/python3 tests/grafana/browser.py --set $$v --shots $(CURDIR)/build/grafana/sets/$$v/screenshots || exit 1; done
	@/usr/bin/python3 tests/grafana/browser.py --bench
