package dashboard_test

import (
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// saved lets the tab save files into a directory, and returns a function that clicks and
// returns the name and the text of the file that comes.
func (tb *tab) saved(t *testing.T) func(click string) (name, text string) {
	t.Helper()
	dir := t.TempDir()
	if _, err := chromedp.CallBrowser(tb.ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, BrowserContextID: chromedp.FromContext(tb.ctx).BrowserContextID}); err != nil {
		t.Fatal(err)
	}
	return func(click string) (string, string) {
		t.Helper()
		tb.click(t, click)
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			files, _ := filepath.Glob(filepath.Join(dir, "*.csv"))
			if len(files) != 1 {
				continue
			}
			text, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if len(text) == 0 {
				continue // the browser holds the name with an empty file, over which it renames the saved one
			}
			_ = os.Remove(files[0])
			return filepath.Base(files[0]), string(text)
		}
		t.Fatalf("%s: nothing was saved", click)
		return "", ""
	}
}

// tableOf reads a file strictly: one line that says what it is, one of headings, and lines of
// as many cells.
func tableOf(t *testing.T, text string) [][]string {
	t.Helper()
	body, ok := strings.CutPrefix(text, "\ufeff")
	if !ok {
		t.Error("no byte order mark: a spreadsheet takes it for another code page")
	}
	first, rest, _ := strings.Cut(body, "\r\n")
	if !strings.Contains(first, "빈칸은 알 수 없는 값") {
		t.Errorf("the first line does not say what is unknown: %q", first)
	}
	rows, err := csv.NewReader(strings.NewReader(rest)).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return rows
}

func sumOf(t *testing.T, rows [][]string, column int) (sum int) {
	t.Helper()
	for _, row := range rows[1:] {
		if row[column] == "" {
			continue
		}
		n, err := strconv.Atoi(row[column])
		if err != nil {
			t.Fatalf("%q: %v", row, err)
		}
		sum += n
	}
	return sum
}

// TestFiles: what is saved are tables: one line a campaign; of a campaign a file each, whose
// sums are those of the page; with names that sort by day, times that a spreadsheet reads,
// nothing that it would compute, and nothing where nothing is known. LibreOffice, where there
// is one, reads the same.
func TestFiles(t *testing.T) {
	t.Parallel()
	a := answering(t)
	v := watched("evt-1", "running", 12, 1)
	v["title"] = `=SUM(A1) "가을", 감사`
	v["trend"] = []any{
		map[string]any{"from": "2026-11-23T00:00:00+09:00", "participants": 4}, map[string]any{"from": "2026-11-24T00:00:00+09:00", "participants": 5},
	}
	v["outside"] = map[string]any{"before": 1, "after": 2}
	v["startsAt"], v["endsAt"] = "2026-11-20T09:00:00+09:00", "2026-12-20T00:00:00+09:00"
	a.set(v, nil)
	unknown := cardOf(7)
	unknown["summary"] = map[string]any{"totalParticipants": 7, "totalExposure": nil, "roiPercent": nil, "salesGrowthPercent": nil, "costPerParticipant": nil, "totalCost": nil, "missing": []string{"prizeCost"}}
	a.lists["store-1"] = []any{cardFrom(v), unknown}
	tb := open(t, 1280, "light", a.URL+"/#/stores/store-1")
	tb.shows(t, ".count", "이벤트 2개")
	saved := tb.saved(t)
	files := map[string]string{}

	name, text := saved("#csv")
	if day := time.Now().In(time.FixedZone("KST", 9*60*60)).Format(time.DateOnly); name != "store-1_이벤트_"+day+".csv" {
		t.Errorf("the list is saved as %q", name)
	}
	files["list"] = text
	list := tableOf(t, text)
	if want := "번호,이벤트,상태,시작,끝,총참여자 (명),총비용 (원),1명당 비용 (원),총노출 (회),ROI (예상) %,매출 증가율 (예상) %,마지막 변화"; strings.Join(list[0], ",") != want {
		t.Errorf("headings %q", list[0])
	}
	if got := strings.Join(list[1][:9], "|"); got != `evt-1|'=SUM(A1) "가을", 감사|진행 중|2026-11-20 09:00:00|2026-12-20 00:00:00|12|54252|4521|12000` {
		t.Errorf("a campaign is %q", got)
	}
	if got := strings.Join(list[2][5:11], "|"); got != "7|||||" {
		t.Errorf("the unknown is %q", got)
	}

	tb.click(t, "[data-campaign=evt-1] a")
	tb.shows(t, ".pill", "실시간")
	tb.click(t, ".actions button:nth-child(2)")
	for _, want := range []struct {
		file   string
		column int
		sum    int
	}{{"channels", 1, 12}, {"days", 1, 12}, {"hours", 1, 12}, {"profile", 2, 12}} {
		name, text := saved(".files [data-file=" + want.file + "]")
		if !strings.HasPrefix(name, "SUM-A1-가을-감사_") {
			t.Errorf("%s is saved as %q", want.file, name)
		}
		files[want.file] = text
		if got := sumOf(t, tableOf(t, text), want.column); got != want.sum {
			t.Errorf("%s: the sum is %d, want %d:\n%s", want.file, got, want.sum, text)
		}
	}
	if _, text := saved(".files [data-file=summary]"); !strings.Contains(text, "\r\n총비용,1200000,원\r\n") {
		t.Errorf("the summary:\n%s", text)
	}
	if !strings.Contains(files["days"], "\r\n2026-11-23,4\r\n") || !strings.Contains(files["hours"], "\r\n2026-11-23 00:00:00,4\r\n") {
		t.Errorf("times:\n%s\n%s", files["days"], files["hours"])
	}
	inLibreOffice(t, files)
}

// inLibreOffice opens files in LibreOffice and saves them again: what it took them for must be
// what they say.
func inLibreOffice(t *testing.T, files map[string]string) {
	t.Helper()
	office, err := exec.LookPath("soffice")
	if err != nil {
		t.Log("no LibreOffice: the files are read strictly only")
		return
	}
	dir := t.TempDir()
	args := []string{"-env:UserInstallation=file://" + filepath.Join(dir, "profile"), "--headless", "--infilter=CSV:44,34,76,1", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1", "--outdir", filepath.Join(dir, "out")}
	for name, text := range files {
		path := filepath.Join(dir, name+".csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if out, err := exec.CommandContext(t.Context(), office, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, column := range map[string]int{"list": 5, "channels": 1, "days": 1, "hours": 1, "profile": 2} {
		read, err := os.ReadFile(filepath.Join(dir, "out", name+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(strings.ReplaceAll(string(read), "\r\n", "\n"), "\n")
		rows, err := csv.NewReader(strings.NewReader(rest)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, read)
		}
		if got, want := sumOf(t, rows, column), sumOf(t, tableOf(t, files[name]), column); got != want {
			t.Errorf("%s: LibreOffice sums up to %d, want %d:\n%s", name, got, want, read)
		}
	}
}
