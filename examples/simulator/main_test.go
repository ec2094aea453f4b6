package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The program is built and run as a user runs it: it announces itself, answers
// with the announced credentials, is steered through /_sim/, and ends on an
// interrupt.
func TestProgram(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "simulator")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin, "-vendor", "connectwise", "-addr", "127.0.0.1:0", "-tenant", "small", "-limit", "1000/1m")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // already gone when all went well
	env := map[string]string{}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Stop") {
		if m := regexp.MustCompile(`^export (\w+)='(.*)'$`).FindStringSubmatch(lines.Text()); m != nil {
			env[m[1]] = m[2]
		}
	}
	for _, name := range []string{"CW_URL", "CW_COMPANY", "CW_PUBLIC_KEY", "CW_PRIVATE_KEY", "CW_CLIENT_ID"} {
		if env[name] == "" {
			t.Fatalf("%s was not announced; %v %s", name, env, &stderr)
		}
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	call := func(method, path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, env["CW_URL"]+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(env["CW_COMPANY"]+"+"+env["CW_PUBLIC_KEY"], env["CW_PRIVATE_KEY"])
		req.Header.Set("clientId", env["CW_CLIENT_ID"])
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	const boards = "/v4_6_release/apis/3.0/service/boards"
	if code, body := call("GET", boards, ""); code != 200 || !strings.Contains(body, "Service Desk") {
		t.Errorf("boards: %d %s", code, body)
	}
	if code, body := call("GET", "/login/companyinfo/"+env["CW_COMPANY"], ""); code != 200 || !strings.Contains(body, "Codebase") {
		t.Errorf("companyinfo: %d %s", code, body)
	}
	if code, _ := call("POST", "/_sim/faults", `{"path":"/service/boards","status":503}`); code != 200 {
		t.Errorf("faults: %d", code)
	}
	if code, _ := call("GET", boards, ""); code != 503 {
		t.Errorf("the fault did not hit: %d", code)
	}
	if code, body := call("POST", "/_sim/rows", `{"path":"/service/boards","row":{"name":"Typed in"}}`); code != 200 {
		t.Errorf("rows: %d %s", code, body)
	}
	if code, body := call("GET", boards, ""); code != 200 || !strings.Contains(body, "Typed in") {
		t.Errorf("boards after an edit: %d %s", code, body)
	}
	if code, body := call("GET", "/_sim/", ""); code != 200 || !strings.Contains(body, "ConnectWise PSA simulator") || !strings.Contains(body, "/service/boards") {
		t.Errorf("page: %d %s", code, body)
	}
	var state struct {
		Requests int
		Vendor   string
	}
	if code, body := call("GET", "/_sim/state", ""); code != 200 || json.Unmarshal([]byte(body), &state) != nil || state.Requests != 4 {
		t.Errorf("state: %d %s", code, body)
	}
	if code, _ := call("POST", "/_sim/reset", `{}`); code != 200 {
		t.Errorf("reset: %d", code)
	}
	if _, body := call("GET", boards, ""); strings.Contains(body, "Typed in") {
		t.Error("a reset keeps the edit")
	}
	client.CloseIdleConnections()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdout) // Wait needs the pipe read to its end
		done <- cmd.Wait()
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("ended with %v: %s", err, &stderr)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("an interrupt does not end it (%v)", cmd.Process.Signal(syscall.SIGQUIT))
	}
}

func TestRunRefuses(t *testing.T) {
	for args, part := range map[string]string{
		"-addr 0.0.0.0:0":                "not loopback",
		"-addr :8081":                    "not loopback",
		"-addr example.com:80":           "not loopback",
		"-vendor tickets":                "unknown vendor",
		"-tenant huge -addr 127.0.0.1:0": "unknown tenant",
		"-limit many":                    "requests/window",
		"-limit 0/1m":                    "requests/window",
		"extra":                          "unexpected argument",
		"-nonsense":                      "not defined",
	} {
		var out bytes.Buffer
		if err := run(t.Context(), strings.Fields(args), &out); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", args, err)
		}
		if out.Len() > 0 && part != "not defined" {
			t.Errorf("%s announced %s", args, &out)
		}
	}
}

func TestLimitFlag(t *testing.T) {
	for in, want := range map[string][2]int{"": {0, 0}, "off": {-1, 0}, "1000/1m": {1000, 60}, "5/10s": {5, 10}} {
		l, err := parseLimit(in)
		if err != nil || l.Requests != want[0] || l.Window != time.Duration(want[1])*time.Second {
			t.Errorf("%q: %+v %v", in, l, err)
		}
	}
}
