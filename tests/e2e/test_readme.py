"""What README.md and deploy/README.md tell to type, cut from them and run.

As it stands there, in a root of one's own (harness/documents.py); SUBSTITUTES
says what another command stands in for, and why.
"""

import os
import re
import shutil
import subprocess

import pytest

from harness import leads
from harness.documents import Root, snippet, snippets, why_no_root
from harness.site import PROGRAM, environment
from harness.wait import wait_until

README, DEPLOY = "README.md", "deploy/README.md"

# name -> (document, heading, how the block begins)
RUN = {
    "quickstart": (README, "Quick start", "./deploy/quickstart"),
    "smallest": (README, "Configuration", "source {"),
    "nginx": (README, "nginx", "cp nginx"),
    "nginx-line": (README, "nginx", "include snippets"),
    "apache": (README, "Apache", "a2enmod proxy_fcgi"),
    "apache-line": (README, "Apache", "Include "),
    "apache-fcgid": (README, "Apache", "a2enmod fcgid"),
    "hosting": (README, "Shared hosting", "tar "),
    "systemd": (README, "systemd", "systemctl enable"),
    "package": (README, "Packages", "apt-get install"),
    "trying": (README, "Trying an installation", "leadrelay check"),
    "doctor": (README, "Trying an installation", "$ leadrelay doctor"),
    "alert": (README, "Being told", "alert {"),
    "oauth": (README, "Mapping leads to your CRM",
              'destination crm {\n    url = "https://crm.example/api/leads"'),
    "try": (README, "Mapping leads to your CRM", "leadrelay try"),
    "build": (README, "Building and installing", "apt-get install"),
    "down-stats": (README, "When the CRM is down", "$ leadrelay stats\nwaiting"),
    "down-list": (README, "When the CRM is down", "$ leadrelay list"),
    "down-show": (README, "When the CRM is down", "delivery to crm"),
    "down-refused": (README, "When the CRM is down", "$ leadrelay stats\n..."),
    "down-retry": (README, "When the CRM is down", "$ leadrelay retry"),
    "setup": (DEPLOY, "systemd", "adduser "),
    "drop-in": (DEPLOY, "systemd", "[Service]\nLoadCredential"),
    "user": (DEPLOY, "systemd", "[Service]\nUser"),
    "openrc": (DEPLOY, "Without systemd", "#!/sbin/openrc-run"),
    "deb": (DEPLOY, "Debian package", "deploy/build-deb"),
}

# What other tests cut out and run.
RUN_ELSEWHERE = {
    (README, "Mapping leads to your CRM", 'destination crm {\n    url = "https://crm.example/api/contacts'):
        "test_transform.py",
    (README, "Mapping leads to your CRM", "# .event and .data"): "test_transform.py",
    (DEPLOY, "Without systemd", "install -d /run/leadrelay\nspawn-fcgi"): "test_deploy_readme.py",
    (DEPLOY, "Without systemd", "install -d /run/leadrelay\nstart-stop"): "test_deploy_readme.py",
}

# What cannot be run.
NOT_RUN = {
    (README, "", "LeadPro --signed webhook--> "): "a drawing",
}

SUBSTITUTES = (
    # No service manager runs in there: the units are enabled, and the worker is
    # started by the line that the unit has for it.
    ("systemctl enable --now leadrelay.socket leadrelay.service",
     "systemctl enable leadrelay.socket leadrelay.service; start"),
    ("systemctl status leadrelay.service", "kill -0 $(cat /run/leadrelay/pid)"),
    ("journalctl -u leadrelay.service", "journalctl --no-pager -u leadrelay.service || true"),
    ("systemctl reload leadrelay.service", "kill -HUP $(cat /run/leadrelay/pid)"),
    ("systemctl restart leadrelay.service", "restart"),
    ("systemctl restart apache2", "{ apachectl stop; soon [ ! -e /run/apache2/apache2.pid ]; "
                                  "apachectl start; }"),
    # The server that is asked is this machine's own, and has no certificate.
    ("https://www.agency.example/leadpro", "http://localhost/leadpro"),
    ("https://crm.example/api/leads", "http://127.0.0.1:8099/api/leads"),
    # Nothing is fetched here: what is named is here, or the command fails.
    ("apt-get install ", "apt-get install -y --no-upgrade --no-install-recommends "),
    # Is run by others.
    ("make && make check", "make -j2"),
    ("sudo ", ""),
    # A person's part.
    ("vi leadrelay/secret leadrelay/leadrelay.conf", "fill_in"),
    ("vi /etc/leadrelay/secret /etc/leadrelay/leadrelay.conf", "fill_in"),
    # There is no cron: what it is given is run, once.
    ("crontab -u www-data -", "as_cron www-data"),
    ("(crontab -l; ", "("),
    ("| crontab -", "| as_cron"),
)

# Before each script: what it is run with.
BEGIN = """\
set -eu
as_cron() {
	line=$(sed 's/^[*] [*] [*] [*] [*] //')
	if [ $# -gt 0 ]; then setpriv --reuid="$1" --regid="$1" --clear-groups sh -c "$line"
	else sh -c "$line"; fi
}
crm() {
	python3 -c '
import http.server
class Crm(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Crm).serve_forever()' &
}
# soon COMMAND: it may take a while until it says yes.
soon() {
	tries=0
	until "$@" >/tmp/soon.log 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || { cat /tmp/soon.log; return 1; }
		sleep .05
	done
}
start() {
	install -d /run/leadrelay
	spawn-fcgi -s /run/leadrelay/leadrelay.sock -M 0660 -U leadrelay -G www-data \\
		-u leadrelay -g leadrelay -P /run/leadrelay/pid \\
		-- $(sed -n s/^ExecStart=//p /lib/systemd/system/leadrelay.service)
}
restart() {
	kill $(cat /run/leadrelay/pid)
	soon sh -c "! grep 'State:.[RSD]' /proc/$(cat /run/leadrelay/pid)/status"
	start
}
delivered() { leadrelay list --state delivered --json | grep -q '"delivered"'; }
"""

pytestmark = pytest.mark.skipif("LEADRELAY_SANITIZER" in os.environ,
                                reason="documents are about what gets installed")


def cut(name):
    text = snippet(*RUN[name])
    for theirs, ours in SUBSTITUTES:
        text = text.replace(theirs, ours)
    return text


def test_every_snippet_is_run_or_is_on_the_list():
    known = [*RUN.values(), *RUN_ELSEWHERE, *NOT_RUN]
    for document in (README, DEPLOY):
        for heading, block in snippets(document):
            assert any((document, heading) == one[:2] and block.startswith(one[2])
                       for one in known), f"{document}, {heading}: a new snippet:\n{block}"
    for document, heading, begins in known:
        assert any(where == heading and block.startswith(begins)
                   for where, block in snippets(document)), f"not there any more: {begins}"


# --- in a root of one's own ------------------------------------------------------------

def said(done):
    return done.stdout[-4000:] + done.stderr[-4000:]


@pytest.fixture(scope="module")
def new_root(tmp_path_factory, system):
    if (why := why_no_root(tmp_path_factory.mktemp("try"))) is not None:
        pytest.skip(why)
    return lambda below=None: Root(tmp_path_factory.mktemp("root"), below)


# Where only root comes; no name that a clone would have.
TREE = "/root/leadrelay as distributed"


@pytest.fixture(scope="module")
def source(new_root):
    """A root with the source tree, as it is distributed."""
    root = new_root()
    done = root.run(f"""{BEGIN}
make -s -C '{PROGRAM.parent}' dist
mkdir '{TREE}'
tar -C '{TREE}' --strip-components=1 -xzf '{PROGRAM.parent}'/leadrelay-[0-9]*[0-9].tar.gz
""")
    assert done.returncode == 0, said(done)
    return root


@pytest.fixture(scope="module")
def packaged(new_root, source):
    """A root where the package was built and installed, and filled in."""
    root = new_root(source)
    done = root.run(f"{BEGIN}\ncd '{TREE}'\n{cut('package')}", 600,
                    DEB_BUILD_OPTIONS="nocheck parallel=2")
    assert done.returncode == 0, said(done)
    root.said = done.stdout
    (root.path("/etc/leadrelay/secret")).write_text("a-signing-secret-of-enough-bytes\n")
    (root.path("/etc/leadrelay/leadrelay.conf")).write_text(cut("smallest"))
    return root


def test_package(packaged):
    assert packaged.said.rstrip().endswith("/leadpro")


def test_package_in_short():
    assert snippet(*RUN["deb"]).splitlines()[0] in snippet(*RUN["package"])


def server(program, lines, block):
    """The lines, with the block's own put into the server before it is reloaded."""
    before, reload, after = lines.partition(f"{program} ")
    assert reload, lines
    return f"{before}{block}\n{reload}{after}"


def doctored(lines):
    """A reload takes a moment: what comes behind it is tried until it is through."""
    return re.sub(r"(?m)^leadrelay doctor", "soon leadrelay doctor", lines)


def need(*programs):
    if missing := [one for one in programs
                   if shutil.which(one, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]:
        pytest.skip(f"not here: {missing}")


def test_nginx(new_root, packaged):
    need("nginx", "spawn-fcgi")
    line = cut("nginx-line").strip()
    put = f"sed -i 's|^\\tserver_name _;|&\\n\\t{line}|' /etc/nginx/sites-available/default"
    done = new_root(packaged).run(f"""{BEGIN}
cd '{TREE}'
crm
nginx
{doctored(server('nginx -t', cut('nginx'), put))}
{cut('trying')}
soon delivered
""")
    assert done.returncode == 0, said(done)
    assert "FAILED" not in done.stdout, said(done)


APACHE = f"""\
cd '{TREE}'
rm -f /etc/apache2/mods-enabled/*fcgi*
crm
apachectl start
{{lines}}
soon leadrelay send http://localhost/leadpro
{{last}}
soon delivered
"""


def apache(name, last=""):
    line = cut("apache-line").strip()
    put = f"sed -i 's|^</VirtualHost>|{line}\\n&|' /etc/apache2/sites-available/000-default.conf"
    lines = server("apachectl configtest", cut(name), put)
    return BEGIN + APACHE.format(lines=doctored(lines), last=last)


def test_apache_with_the_worker(new_root, packaged):
    need("a2enmod", "apachectl", "spawn-fcgi")
    done = new_root(packaged).run(apache("apache"))
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("module", ["fcgid", "cgid"])
def test_apache_starts_the_program(new_root, packaged, module):
    need("a2enmod", "apachectl")
    script = apache("apache-fcgid", "leadrelay doctor http://localhost/leadpro")
    script = script.replace("a2enmod fcgid", f"a2enmod {module}").replace(
        "mod_fcgid.conf", f"mod_{module}.conf")
    done = new_root(packaged).run(script)
    assert done.returncode == 0, said(done)


def test_systemd(new_root, packaged):
    need("systemctl", "spawn-fcgi")
    root = new_root(packaged)
    done = root.run(f"""{BEGIN}
{cut('systemd')}
systemctl is-enabled leadrelay.socket leadrelay.service
kill -0 $(cat /run/leadrelay/pid)
""")
    assert done.returncode == 0, said(done)


def test_from_source(new_root, source):
    """Built and installed by hand, then set up as deploy/README.md has it."""
    need("systemctl", "spawn-fcgi", "systemd-analyze")
    root = new_root(source)
    done = root.run(f"""{BEGIN}
fill_in() {{
	echo a-signing-secret-of-enough-bytes >/etc/leadrelay/secret
	chown leadrelay /etc/leadrelay/secret	# what LoadCredential= makes up for
	install -d -m 700 -o leadrelay /var/lib/leadrelay	# StateDirectory=
}}
cd '{TREE}'
{cut('build')}
{cut('setup')}
[ "$(command -v leadrelay)" = /usr/sbin/leadrelay ]
kill -0 $(cat /run/leadrelay/pid)
mkdir /etc/systemd/system/leadrelay.service.d /etc/systemd/system/leadrelay-once.service.d
cat >/etc/systemd/system/leadrelay-once.service.d/user.conf <<'END'
{cut('user')}
END
cat >/etc/systemd/system/leadrelay.service.d/crm.conf <<'END'
{cut('drop-in')}
END
systemd-analyze verify --man=no /usr/lib/systemd/system/leadrelay*
sh -n <<'END'
{cut('openrc')}
END
""", 600)
    assert done.returncode == 0, said(done)
    assert ".conf:" not in done.stderr, said(done)


def test_quickstart(new_root, source):
    """Its second line is what runs this."""
    first, second = cut("quickstart").splitlines()
    assert second.startswith("./tests/run ")
    done = new_root(source).run(f"""{BEGIN}
rm -f /usr/bin/curl                     # it is not among what a build needs
cd '{TREE}'
{first}
{first.split()[0]} --keep >/tmp/kept 2>&1 &
soon grep 'tail -f' /tmp/kept
sed -n -e 's/tail -f/tail/' -e 's/^    //p' /tmp/kept | sed -n '/^cd /,$p' >/tmp/typed
cat /tmp/typed
sh -eu /tmp/typed
kill $!
""", 600)
    assert done.returncode == 0, said(done)
    first, kept = done.stdout.split("It works.")
    assert "Byte for byte the same." in first, said(done)
    assert "got 401 token-algorithm" in kept, said(done)


def test_shared_hosting(new_root, source):
    need("setpriv")
    script = f"""{BEGIN}
crm
make -s -C '{PROGRAM.parent}' bundle
mkdir -p /home/agency/public_html
cp '{PROGRAM.parent}'/leadrelay-*-linux.tar.gz /home/agency
chown -R 61234:61234 /home/agency
chmod 755 /home/agency
cat >/tmp/on-the-host <<'END'
{BEGIN}
fill_in() {{
	echo a-signing-secret-of-enough-bytes >leadrelay/secret
	sed -i 's|^\\turl = "https://crm.example/api/leads"|\\turl = "http://127.0.0.1:8099/"|' \\
		leadrelay/leadrelay.conf
}}
cd
{cut('hosting')}
cd public_html/leadpro
REQUEST_METHOD=GET REQUEST_URI=/leadpro/leadrelay.cgi DOCUMENT_ROOT=$HOME/public_html \\
	./leadrelay.cgi | grep '^Status: 405'
END
HOME=/home/agency setpriv --reuid=61234 --regid=61234 --clear-groups sh -eu /tmp/on-the-host
"""
    done = new_root(source).run(script)
    assert done.returncode == 0, said(done)


# --- what a configuration says --------------------------------------------------------

def at(site, *commands):
    """The commands as they would be typed beside the configuration: what they say."""
    shell = f"leadrelay() {{ '{PROGRAM}' --config '{site.config}' \"$@\"; }}\n"
    return subprocess.run(["sh", "-c", shell + "\n".join(commands)], cwd=site.folder,
                          capture_output=True, text=True, check=False, env=environment())


@pytest.mark.parametrize("name", ["smallest", "alert", "oauth"])
def test_a_configuration_is_good(site, name):
    stanza = cut(name).replace("/etc/leadrelay/secret", str(site.secret_file))
    for file in ("crm.client-secret", "crm.refresh-token"):
        (site.folder / file).write_text("not to be told\n")
        (site.folder / file).chmod(0o600)
    if name == "alert":
        site.crm()
    if name == "smallest":
        site.config.write_text(stanza)
    else:
        site.write_config()
        with open(site.config, "a", encoding="utf-8") as config:
            config.write(stanza)
    done = site.command("try", "-", stdin=leads.payload())
    assert done.returncode == 0, done.stderr


def test_try(site):
    site.crm()
    site.start()
    payload = leads.payload()
    (site.folder / "lead.json").write_bytes(payload)
    assert site.post(payload).status == 202
    site.wait_states(delivered=1)
    for line in cut("try").splitlines():
        done = at(site, line)
        assert done.returncode == 0, (line, said(done))


# --- what the commands print ----------------------------------------------------------

def shape(line):
    """A line without what differs from one time to the next."""
    for pattern, word in ((r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
                          (r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME"), (r"\b\d+[smhd]\b", "AGE"),
                          (r"\d+(\.\d+)?", "N"), (r"N [KMGT]B", "SIZE"), (r"\s+", " ")):
        line = re.sub(pattern, word, line)
    return line.strip()


def prints(site, block, *commands):
    """Every line of the block that is no command is one that the commands print."""
    lines = [line for line in block.splitlines() if line.strip() not in ("", "...")]
    commands = [line[2:] for line in lines if line.startswith("$ ")] or commands
    done = at(site, *commands)
    printed = {shape(line) for line in done.stdout.splitlines()}
    for line in lines:
        if not line.startswith("$ "):
            assert shape(line) in printed, f"{line}\nis not in\n{said(done)}"


def paused(site):
    return "crm is paused" in at(site, "leadrelay stats").stdout


def two_destinations(site):
    site.crm("crm", retry=["5s"], probe=["5s"], max_concurrent=2)
    site.crm("mailing")
    site.start()
    for _ in range(3):
        assert site.post().status == 202
    site.wait_states(delivered=6)
    return site.crms["crm"]


def test_what_is_printed_when_the_crm_is_down(site):
    crm = two_destinations(site)
    crm.default.status, crm.default.body = 503, b'{"error":"maintenance"}'
    for _ in range(6):
        assert site.post().status == 202
    wait_until(lambda: paused(site), "the pause", 30)
    prints(site, cut("down-stats"))
    prints(site, cut("down-list"))
    tried = next(row for row in site.list("--destination", "crm", "--state", "waiting")
                 if row["attempts"] == 1)
    prints(site, cut("down-show"), f"leadrelay show {tried['id']}")


def test_what_is_printed_when_the_crm_refuses(site):
    crm = two_destinations(site)
    crm.default.status = 422
    for count in range(1, 4):
        assert site.post().status == 202
        wait_until(lambda: site.states().get("dead") == count, "the refusal", 30)
    wait_until(lambda: paused(site), "the pause", 30)
    for _ in range(2):
        assert site.post().status == 202
    prints(site, cut("down-refused"))
    crm.default.status = 200
    prints(site, cut("down-retry"))
    site.wait_states(60, delivered=16)


def test_what_doctor_prints(site):
    site.crm()
    site.start(server="large_client_header_buffers 4 8k;")
    prints(site, cut("doctor").replace("//localhost/", f"//127.0.0.1:{site.nginx.port}/"))
