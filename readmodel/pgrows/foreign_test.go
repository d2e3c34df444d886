package pgrows_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
)

// TestForeignRowsStayInTheDatabase checks I12 on the wire: the server sends no row of the
// campaign to a reader whose scope does not have it.
func TestForeignRowsStayInTheDatabase(t *testing.T) {
	t.Parallel()
	ctx, database := t.Context(), services.Database(t)
	owner, err := pgrows.Open(ctx, database, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	at, lease := lead(t, owner)
	// One mark in each table, and the same number in all.
	const number = 0x5ec2e75ec2e75ec2
	marks := []string{"title-mark", "channel-mark", "value-mark", string(binary.BigEndian.AppendUint64(nil, number))}
	rows := readmodel.NewRows(projections.Tables(projections.All())...)
	event := rows.Campaign("evt-1")
	event.Known, event.Shop, event.Title, event.Participants = true, "store-1", "title-mark", number
	rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "channel-mark"}).Participants = number
	rows.Hour(readmodel.HourKey{Campaign: "evt-1", Hour: time.Unix(0, 0)}).Participants = number
	rows.Profile("evt-1").Region.Add("value-mark", number)
	if _, err := owner.Commit(ctx, lease, advance(at), rows); err != nil {
		t.Fatal(err)
	}

	heard := listen(t, database)
	reader, err := pgrows.Open(ctx, heard.url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	read := func(by readmodel.Scope) (found bool) {
		t.Helper()
		list, err := reader.ShopCampaigns(ctx, "store-1", by)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = reader.Campaign(ctx, "evt-1", by); err != nil && !errors.Is(err, readmodel.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil && len(list) == 1
	}
	for _, by := range []readmodel.Scope{{}, readmodel.Shops("store-2"), readmodel.Shops("")} {
		if read(by) {
			t.Errorf("%+v sees the campaign", by)
		}
		for _, mark := range marks {
			if heard.has(mark) {
				t.Errorf("%q was sent to %+v", mark, by)
			}
		}
	}
	if !read(readmodel.Shops("store-1")) {
		t.Error("the owner does not see the campaign")
	}
	for _, mark := range marks {
		if !heard.has(mark) {
			t.Errorf("%q was not heard when it was sent to the owner", mark)
		}
	}
}

// listener forwards connections to a database and keeps the bytes that the server sends.
type listener struct {
	url string

	mu   sync.Mutex
	sent bytes.Buffer
}

func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent.Write(p)
}

func (l *listener) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.sent.Bytes(), []byte(text))
}

func listen(t *testing.T, database string) *listener {
	t.Helper()
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var guests sync.WaitGroup
	t.Cleanup(func() {
		_ = door.Close()
		guests.Wait()
	})
	address.Host = door.Addr().String()
	query := address.Query()
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable") // encrypted traffic has no readable marks
	address.RawQuery = query.Encode()
	l := &listener{url: address.String()}
	network, server := pgconn.NetworkAddress(config.Host, config.Port)
	guests.Go(func() {
		for {
			client, err := door.Accept()
			if err != nil {
				return
			}
			behind, err := net.Dial(network, server)
			if err != nil {
				t.Error(err)
				_ = client.Close()
				return
			}
			guests.Go(func() { _, _ = io.Copy(behind, client); _ = behind.Close() })
			guests.Go(func() { _, _ = io.Copy(client, io.TeeReader(behind, l)); _ = client.Close() })
		}
	})
	return l
}
