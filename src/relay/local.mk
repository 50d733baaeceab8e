libleadrelay_a_SOURCES += \
	src/relay/attempt.c src/relay/attempt.h \
	src/relay/claims.c src/relay/claims.h \
	src/relay/classify.c src/relay/classify.h \
	src/relay/destination.c src/relay/destination.h \
	src/relay/dispatcher.c src/relay/dispatcher.h \
	src/relay/dispatchers.c src/relay/dispatchers.h \
	src/relay/dry_run.c src/relay/dry_run.h \
	src/relay/engine.c src/relay/engine.h \
	src/relay/limit.c src/relay/limit.h \
	src/relay/moments.c src/relay/moments.h \
	src/relay/profile.c src/relay/profile.h \
	src/relay/purge.c src/relay/purge.h \
	src/relay/relay.c src/relay/relay.h \
	src/relay/retry.c src/relay/retry.h \
	src/relay/rotation.c src/relay/rotation.h \
	src/relay/settlements.c src/relay/settlements.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/relay/test_classify \
	tests/unit/relay/test_destination \
	tests/unit/relay/test_limit \
	tests/unit/relay/test_moments \
	tests/unit/relay/test_relay \
	tests/unit/relay/test_retry
endif

EXTRA_PROGRAMS += tests/bench/bench_relay
tests_bench_bench_relay_SOURCES = tests/bench/bench_relay.c 	tests/unit/relay/sink.c tests/unit/relay/sink.h
tests_bench_bench_relay_LDADD = libleadrelay.a $(LEADRELAY_LIBS)
