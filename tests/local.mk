EXTRA_DIST += tests/run tests/fuzz/seeds.py \
	tests/bench/empty_cgi.c tests/bench/empty_fcgi.c tests/bench/receive.php \
	tests/bench/run tests/bench/wrk.lua \
	tests/e2e/conftest.py \
	tests/e2e/harness/__init__.py tests/e2e/harness/clock.py \
	tests/e2e/harness/crm.py tests/e2e/harness/shifted.c \
	tests/e2e/harness/documents.py tests/e2e/harness/fcgi.py tests/e2e/harness/h2crm.py \
	tests/e2e/harness/hostile.py \
	tests/e2e/harness/http.py tests/e2e/harness/leads.py \
	tests/e2e/harness/manager.py \
	tests/e2e/harness/nginx.py tests/e2e/harness/process.py \
	tests/e2e/harness/processes.py tests/e2e/test_runners.py \
	tests/e2e/harness/promises.py \
	tests/e2e/harness/site.py tests/e2e/harness/tokens.py \
	tests/e2e/harness/wait.py \
	tests/e2e/test_alert.py tests/e2e/test_answers.py tests/e2e/test_bundle.py \
	tests/e2e/test_children.py tests/e2e/test_commands.py tests/e2e/test_cron.py \
	tests/e2e/test_deb.py \
	tests/e2e/test_deploy_readme.py \
	tests/e2e/test_disk.py tests/e2e/test_fastcgi.py \
	tests/e2e/test_faults.py \
	tests/e2e/test_hostile.py tests/e2e/test_kill.py \
	tests/e2e/test_listen.py tests/e2e/test_log.py tests/e2e/test_owner.py \
	tests/e2e/test_main_path.py tests/e2e/test_nginx.py \
	tests/e2e/test_processes.py \
	tests/e2e/harness/pki.py \
	tests/e2e/test_limits.py tests/e2e/test_oauth.py \
	tests/e2e/test_readme.py tests/e2e/test_ready.py tests/e2e/test_relay.py tests/e2e/test_start.py \
	tests/e2e/test_stop.py \
	tests/e2e/test_store.py \
	tests/e2e/test_systemd.py tests/e2e/test_time.py tests/e2e/test_tree.py tests/e2e/test_tls.py \
	tests/e2e/test_upgrade.py tests/e2e/test_whole_answers.py \
	tests/e2e/crm/apex27.expected \
	tests/e2e/crm/dynamics365.expected \
	tests/e2e/crm/hubspot.expected \
	tests/e2e/crm/reapit.expected \
	tests/e2e/crm/salesforce-web-to-lead.expected \
	tests/e2e/crm/zapier-make.expected \
	tests/e2e/crm/zoho.expected \
	tests/e2e/test_crm.py tests/e2e/test_transform.py tests/e2e/test_try.py
EXTRA_DIST += tests/e2e/harness/load.py tests/e2e/harness/machine.py \
	tests/e2e/harness/package.py tests/e2e/test_booted.py
