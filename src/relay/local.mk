libleadrelay_a_SOURCES += \
	src/relay/claims.c src/relay/claims.h \
	src/relay/classify.c src/relay/classify.h \
	src/relay/credentials.c src/relay/credentials.h \
	src/relay/curl_api.c src/relay/curl_api.h \
	src/relay/destination.c src/relay/destination.h \
	src/relay/engine.c src/relay/engine.h \
	src/relay/form.c src/relay/form.h \
	src/relay/grant.c src/relay/grant.h \
	src/relay/lane.c src/relay/lane.h src/relay/lanes.c src/relay/lanes.h src/relay/lane_state.h \
	src/relay/lane_send.c src/relay/lane_send.h \
	src/relay/limit.c src/relay/limit.h \
	src/relay/mailbox.c src/relay/mailbox.h \
	src/relay/moments.c src/relay/moments.h \
	src/relay/oauth.c src/relay/oauth.h \
	src/relay/outfit.c src/relay/outfit.h \
	src/relay/outgoing.c src/relay/outgoing.h \
	src/relay/passage.c src/relay/passage.h \
	src/relay/programs.c src/relay/programs.h \
	src/relay/rehearse.c src/relay/rehearse.h \
	src/relay/reach.c src/relay/reach.h \
	src/relay/relay.c src/relay/relay.h src/relay/relay_try.c \
	src/relay/rotation.c src/relay/rotation.h \
	src/relay/schedule.c src/relay/schedule.h \
	src/relay/settler.c src/relay/settler.h \
	src/relay/sign.c src/relay/sign.h \
	src/relay/signing.c src/relay/signing.h \
	src/relay/transfer.c src/relay/transfer.h \
	src/relay/transport.c src/relay/transport.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/relay/test_classify \
	tests/unit/relay/test_credentials \
	tests/unit/relay/test_destination \
	tests/unit/relay/test_form \
	tests/unit/relay/test_grant \
	tests/unit/relay/test_limit \
	tests/unit/relay/test_moments \
	tests/unit/relay/test_relay \
	tests/unit/relay/test_outgoing \
	tests/unit/relay/test_passage \
	tests/unit/relay/test_schedule \
	tests/unit/relay/test_sign \
	tests/unit/relay/test_transport
tests_unit_relay_test_classify_SOURCES = tests/unit/relay/test_classify.c tests/unit/unit.h
tests_unit_relay_test_classify_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_classify_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_credentials_SOURCES = tests/unit/relay/test_credentials.c tests/unit/unit.h
tests_unit_relay_test_credentials_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_credentials_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_destination_SOURCES = tests/unit/relay/test_destination.c tests/unit/unit.h
tests_unit_relay_test_destination_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_destination_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_form_SOURCES = tests/unit/relay/test_form.c tests/unit/unit.h
tests_unit_relay_test_form_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_form_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_outgoing_SOURCES = tests/unit/relay/test_outgoing.c tests/unit/unit.h
tests_unit_relay_test_outgoing_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_outgoing_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_grant_SOURCES = tests/unit/relay/test_grant.c tests/unit/unit.h
tests_unit_relay_test_grant_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_grant_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_limit_SOURCES = tests/unit/relay/test_limit.c tests/unit/unit.h
tests_unit_relay_test_limit_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_limit_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_passage_SOURCES = tests/unit/relay/test_passage.c tests/unit/unit.h
tests_unit_relay_test_passage_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_passage_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_schedule_SOURCES = tests/unit/relay/test_schedule.c tests/unit/unit.h
tests_unit_relay_test_schedule_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_schedule_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_sign_SOURCES = tests/unit/relay/test_sign.c tests/unit/unit.h
tests_unit_relay_test_sign_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_sign_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_moments_SOURCES = tests/unit/relay/test_moments.c tests/unit/unit.h
tests_unit_relay_test_moments_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_moments_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_relay_SOURCES = tests/unit/relay/test_relay.c tests/unit/clocks.h tests/unit/unit.h \
	tests/unit/relay/sink.c tests/unit/relay/sink.h
tests_unit_relay_test_relay_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_relay_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_transport_SOURCES = tests/unit/relay/test_transport.c tests/unit/unit.h
tests_unit_relay_test_transport_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_transport_LDADD = $(UNIT_LDADD)
endif

EXTRA_PROGRAMS += tests/bench/bench_relay
tests_bench_bench_relay_SOURCES = tests/bench/bench_relay.c \
	tests/unit/relay/sink.c tests/unit/relay/sink.h
tests_bench_bench_relay_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit/relay
tests_bench_bench_relay_LDADD = libleadrelay.a $(LEADRELAY_LIBS)
