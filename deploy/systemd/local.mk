# The units.  What the services share stands in one file each, and is put in here.
UNITS = deploy/systemd/leadrelay.socket deploy/systemd/leadrelay.service \
	deploy/systemd/leadrelay-relay.service \
	deploy/systemd/leadrelay-once.service deploy/systemd/leadrelay-once.timer
EXTRA_DIST += $(UNITS:=.in) deploy/systemd/identity.conf deploy/systemd/hardening.conf
CLEANFILES += $(UNITS)
if INSTALL_UNITS
nodist_systemdsystemunit_DATA = $(UNITS)
else
noinst_DATA += $(UNITS)
endif

$(UNITS): $(srcdir)/deploy/systemd/identity.conf $(srcdir)/deploy/systemd/hardening.conf Makefile
	$(AM_V_at)$(MKDIR_P) deploy/systemd
	$(AM_V_GEN)sed -e '/^[@]identity@$$/{r $(srcdir)/deploy/systemd/identity.conf' -e 'd;}' \
		-e '/^[@]hardening@$$/{r $(srcdir)/deploy/systemd/hardening.conf' -e 'd;}' \
		$(srcdir)/$@.in | \
		sed -e 's|[@]sbindir@|$(sbindir)|g' -e 's|[@]sysconfdir@|$(sysconfdir)|g' >$@.new
	$(AM_V_at)mv $@.new $@
deploy/systemd/leadrelay.socket: $(srcdir)/deploy/systemd/leadrelay.socket.in
deploy/systemd/leadrelay.service: $(srcdir)/deploy/systemd/leadrelay.service.in
deploy/systemd/leadrelay-relay.service: $(srcdir)/deploy/systemd/leadrelay-relay.service.in
deploy/systemd/leadrelay-once.service: $(srcdir)/deploy/systemd/leadrelay-once.service.in
deploy/systemd/leadrelay-once.timer: $(srcdir)/deploy/systemd/leadrelay-once.timer.in
