libleadrelay_a_SOURCES += \
	src/keeper.c src/keeper.h \
	src/load.c src/load.h \
	src/reload.c src/reload.h \
	src/tend.c src/tend.h \
	src/waiting.c src/waiting.h \
	src/verdict.c src/verdict.h \
	src/worker.c src/worker.h src/worker_cgi.c \
	src/intake/admin.c src/intake/admin.h \
	src/intake/answer.c src/intake/answer.h \
	src/intake/cgi.c src/intake/cgi.h \
	src/intake/connection.c src/intake/connection.h \
	src/intake/fastcgi.c src/intake/fastcgi.h \
	src/intake/probe.c src/intake/probe.h \
	src/intake/problem.c src/intake/problem.h \
	src/intake/receive.c src/intake/receive.h \
	src/intake/request.c src/intake/request.h \
	src/intake/serve.c src/intake/serve.h \
	src/intake/serve_listen.c \
	src/intake/served.c src/intake/served.h \
	src/intake/terms.c src/intake/terms.h

EXTRA_DIST += tests/fuzz/fuzz_fastcgi.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/intake/test_fastcgi \
	tests/unit/intake/test_problem \
	tests/unit/intake/test_receive \
	tests/unit/intake/test_request \
	tests/unit/intake/test_serve \
	tests/unit/test_waiting
tests_unit_intake_test_fastcgi_SOURCES = tests/unit/intake/test_fastcgi.c \
	tests/unit/intake/records.h tests/unit/unit.h
tests_unit_intake_test_fastcgi_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_intake_test_fastcgi_LDADD = $(UNIT_LDADD)
tests_unit_intake_test_problem_SOURCES = tests/unit/intake/test_problem.c tests/unit/unit.h
tests_unit_intake_test_problem_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_intake_test_problem_LDADD = $(UNIT_LDADD)
tests_unit_intake_test_receive_SOURCES = tests/unit/intake/test_receive.c tests/unit/unit.h
tests_unit_intake_test_receive_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_intake_test_receive_LDADD = $(UNIT_LDADD)
tests_unit_intake_test_request_SOURCES = tests/unit/intake/test_request.c tests/unit/unit.h
tests_unit_intake_test_request_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_intake_test_request_LDADD = $(UNIT_LDADD)
tests_unit_intake_test_serve_SOURCES = tests/unit/intake/test_serve.c \
	tests/unit/intake/records.h tests/unit/unit.h
tests_unit_intake_test_serve_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_intake_test_serve_LDADD = $(UNIT_LDADD)
tests_unit_test_waiting_SOURCES = tests/unit/test_waiting.c tests/unit/unit.h
tests_unit_test_waiting_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_waiting_LDADD = $(UNIT_LDADD)
endif
