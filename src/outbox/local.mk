libleadrelay_a_SOURCES += \
	src/outbox/event.c src/outbox/event.h \
	src/outbox/outbox.c src/outbox/outbox.h \
	src/outbox/store.h \
	src/outbox/sqlite/lite.c src/outbox/sqlite/lite.h \
	src/outbox/sqlite/lite_accept.c \
	src/outbox/sqlite/lite_act.c \
	src/outbox/sqlite/lite_backup.c \
	src/outbox/sqlite/lite_claim.c \
	src/outbox/sqlite/lite_clock.c \
	src/outbox/sqlite/lite_delivery.c \
	src/outbox/sqlite/lite_due.c \
	src/outbox/sqlite/lite_erase.c \
	src/outbox/sqlite/lite_fault.c \
	src/outbox/sqlite/lite_find.c \
	src/outbox/sqlite/lite_list.c \
	src/outbox/sqlite/lite_lock.c \
	src/outbox/sqlite/lite_open.c \
	src/outbox/sqlite/lite_place.c \
	src/outbox/sqlite/lite_purge.c \
	src/outbox/sqlite/lite_requests.c \
	src/outbox/sqlite/lite_room.c \
	src/outbox/sqlite/lite_schema.c \
	src/outbox/sqlite/lite_scrub.c \
	src/outbox/sqlite/lite_settle.c \
	src/outbox/sqlite/lite_sql.c \
	src/outbox/sqlite/lite_stats.c \
	src/outbox/sqlite/lite_sync.c \
	src/outbox/sqlite/lite_taken.c \
	src/outbox/sqlite/lite_tidy.c \
	src/outbox/sqlite/lite_txn.c

if HAVE_CMOCKA
OUTBOX_BOX = tests/unit/outbox/box.c tests/unit/outbox/box.h tests/unit/unit.h
check_PROGRAMS += tests/unit/outbox/test_event \
	tests/unit/outbox/test_lite_accept \
	tests/unit/outbox/test_lite_act \
	tests/unit/outbox/test_lite_delivery \
	tests/unit/outbox/test_lite_fault \
	tests/unit/outbox/test_lite_lock \
	tests/unit/outbox/test_lite_migrate \
	tests/unit/outbox/test_lite_model \
	tests/unit/outbox/test_lite_names \
	tests/unit/outbox/test_lite_open \
	tests/unit/outbox/test_lite_place \
	tests/unit/outbox/test_lite_plan \
	tests/unit/outbox/test_lite_room \
	tests/unit/outbox/test_lite_taken \
	tests/unit/outbox/test_lite_tidy \
	tests/unit/outbox/test_lite_time \
	tests/unit/outbox/test_outbox \
	tests/unit/outbox/test_placeless
tests_unit_outbox_test_event_SOURCES = tests/unit/outbox/test_event.c tests/unit/unit.h
tests_unit_outbox_test_event_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_event_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_accept_SOURCES = tests/unit/outbox/test_lite_accept.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_accept_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_accept_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_act_SOURCES = tests/unit/outbox/test_lite_act.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_act_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_act_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_delivery_SOURCES = tests/unit/outbox/test_lite_delivery.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_delivery_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_delivery_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_fault_SOURCES = tests/unit/outbox/test_lite_fault.c \
	tests/unit/outbox/disk.c tests/unit/outbox/disk.h \
	tests/unit/outbox/filesystem.h $(OUTBOX_BOX)
tests_unit_outbox_test_lite_fault_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_fault_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_lock_SOURCES = tests/unit/outbox/test_lite_lock.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_lock_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_lock_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_migrate_SOURCES = tests/unit/outbox/test_lite_migrate.c \
	tests/unit/outbox/old.c tests/unit/outbox/old.h tests/unit/outbox/filesystem.h \
	tests/unit/outbox/disk.c tests/unit/outbox/disk.h $(OUTBOX_BOX)
tests_unit_outbox_test_lite_migrate_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_migrate_LDADD = $(UNIT_LDADD)
# The test says how much room there is, and on which file system it is.
tests_unit_outbox_test_lite_migrate_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statvfs -Wl,--wrap=statfs
tests_unit_outbox_test_lite_model_SOURCES = tests/unit/outbox/test_lite_model.c \
	tests/unit/outbox/disk.c tests/unit/outbox/disk.h $(OUTBOX_BOX)
tests_unit_outbox_test_lite_model_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_model_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_names_SOURCES = tests/unit/outbox/test_lite_names.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_names_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_names_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_open_SOURCES = tests/unit/outbox/test_lite_open.c \
	tests/unit/outbox/filesystem.h $(OUTBOX_BOX)
tests_unit_outbox_test_lite_open_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_open_LDADD = $(UNIT_LDADD)
# These say which file system they are on.
tests_unit_outbox_test_lite_open_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statfs
tests_unit_outbox_test_lite_fault_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statfs
tests_unit_outbox_test_lite_place_SOURCES = tests/unit/outbox/test_lite_place.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_place_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_place_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_plan_SOURCES = tests/unit/outbox/test_lite_plan.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_plan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_plan_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_room_SOURCES = tests/unit/outbox/test_lite_room.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_room_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_room_LDADD = $(UNIT_LDADD)
# The test says how much room there is.
tests_unit_outbox_test_lite_room_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statvfs
tests_unit_outbox_test_lite_taken_SOURCES = tests/unit/outbox/test_lite_taken.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_taken_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_taken_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_tidy_SOURCES = tests/unit/outbox/test_lite_tidy.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_tidy_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_tidy_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_lite_time_SOURCES = tests/unit/outbox/test_lite_time.c $(OUTBOX_BOX)
tests_unit_outbox_test_lite_time_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_lite_time_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_outbox_SOURCES = tests/unit/outbox/test_outbox.c tests/unit/unit.h
tests_unit_outbox_test_outbox_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_outbox_LDADD = $(UNIT_LDADD)
tests_unit_outbox_test_placeless_SOURCES = tests/unit/outbox/test_placeless.c \
	tests/unit/unit.h
tests_unit_outbox_test_placeless_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_outbox_test_placeless_LDADD = $(UNIT_LDADD)
endif

EXTRA_PROGRAMS += tests/bench/bench_outbox
tests_bench_bench_outbox_SOURCES = tests/bench/bench_outbox.c
tests_bench_bench_outbox_LDADD = libleadrelay.a $(LEADRELAY_LIBS)
