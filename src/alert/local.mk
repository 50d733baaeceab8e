libleadrelay_a_SOURCES += \
	src/alert/alert.c src/alert/alert.h \
	src/alert/child.c src/alert/child.h \
	src/alert/courier.c src/alert/courier.h \
	src/alert/notice.c src/alert/notice.h \
	src/alert/watch.c src/alert/watch.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/alert/test_alert tests/unit/alert/test_child \
	tests/unit/alert/test_notice
tests_unit_alert_test_alert_SOURCES = tests/unit/alert/test_alert.c tests/unit/unit.h
tests_unit_alert_test_alert_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_alert_test_alert_LDADD = $(UNIT_LDADD)
tests_unit_alert_test_child_SOURCES = tests/unit/alert/test_child.c tests/unit/unit.h
tests_unit_alert_test_child_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_alert_test_child_LDADD = $(UNIT_LDADD)
tests_unit_alert_test_notice_SOURCES = tests/unit/alert/test_notice.c tests/unit/unit.h
tests_unit_alert_test_notice_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_alert_test_notice_LDADD = $(UNIT_LDADD)
endif
