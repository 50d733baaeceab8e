libleadrelay_a_SOURCES += \
	src/intake/admin.c src/intake/admin.h \
	src/intake/answer.c src/intake/answer.h \
	src/intake/cgi.c src/intake/cgi.h \
	src/intake/connection.c src/intake/connection.h \
	src/intake/fastcgi.c src/intake/fastcgi.h \
	src/intake/front_probe.c src/intake/front_probe.h \
	src/intake/problem.c src/intake/problem.h \
	src/intake/receive.c src/intake/receive.h \
	src/intake/request.c src/intake/request.h \
	src/intake/serve.c src/intake/serve.h \
	src/intake/serve_listen.c \
	src/intake/served.c src/intake/served.h \
	src/intake/snapshot.c src/intake/snapshot.h \
	src/intake/stages.c src/intake/stages.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/intake/test_fastcgi \
	tests/unit/intake/test_problem \
	tests/unit/intake/test_receive \
	tests/unit/intake/test_request \
	tests/unit/intake/test_serve
endif

EXTRA_DIST += tests/fuzz/fuzz_fastcgi.c
