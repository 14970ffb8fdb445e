package nats_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-4e8dee1b/revoked/revocation"
)

// attempt is something that a user must not be able to do.
type attempt struct {
	what string
	do   func(*attacker)
	// control is who shows that the attempt has an effect if permitted.
	control string
	// arrives is the subject in the nodes' account to which an answer is aimed.
	// It does arrive there, since the server checks no reply subject; that it
	// changes nothing is what the attempt must show.
	arrives string
}

// attacker does attempts on one connection, raw: without a client library's
// good manners.
type attacker struct {
	nc      *nats.Conn
	victim  string // an inbox on which another node waits
	err     error  // of the server, the last one
	answers int    // messages received
}

const (
	events = "REVOKED_EVENTS"
	api    = "$JS.API."
	direct = "$JS.API.DIRECT.GET." + events
)

// publish sends a message. A refusal arrives before the server's PONG.
func (a *attacker) publish(m *nats.Msg) {
	if err := a.nc.PublishMsg(m); err != nil {
		a.err = err
		return
	}
	a.flush()
}

func (a *attacker) flush() {
	if err := a.nc.FlushTimeout(limit); err != nil {
		a.err = err
		return
	}
	if err := a.nc.LastError(); err != nil {
		a.err = err
	}
}

// ask sends a request and counts the answers.
func (a *attacker) ask(subject, body string) {
	inbox := a.nc.NewInbox()
	sub, err := a.nc.SubscribeSync(inbox)
	if err != nil {
		a.err = err
		return
	}
	defer sub.Unsubscribe()
	a.publish(&nats.Msg{Subject: subject, Reply: inbox, Data: []byte(body)})
	if a.err != nil {
		return
	}
	m, err := sub.NextMsg(2 * time.Second)
	if err == nil && m.Header.Get("Status") != "503" && !bytes.Contains(m.Data, []byte(`"error":`)) {
		a.answers++
	}
}

// listen subscribes. What would arrive then is not waited for: the server
// refuses the subscription or has let it in.
func (a *attacker) listen(subject string) {
	sub, err := a.nc.SubscribeSync(subject)
	if err != nil {
		a.err = err
		return
	}
	defer sub.Unsubscribe()
	a.flush()
	if a.err == nil {
		a.answers++
	}
}

func publish(subject, body string) func(*attacker) {
	return func(a *attacker) { a.publish(&nats.Msg{Subject: subject, Data: []byte(body)}) }
}

func ask(subject, body string) func(*attacker) {
	return func(a *attacker) { a.ask(subject, body) }
}

func listen(subject string) func(*attacker) {
	return func(a *attacker) { a.listen(subject) }
}

// aim asks for stored messages and lets the server send them elsewhere.
func aim(reply string, noHeaders bool) func(*attacker) {
	return func(a *attacker) {
		a.publish(&nats.Msg{
			Subject: direct, Reply: reply,
			Data: fmt.Appendf(nil, `{"seq":1,"batch":3,"no_hdr":%t}`, noHeaders),
		})
	}
}

// live is a message as RePublish makes it.
func live(subject, body string) func(*attacker) {
	return func(a *attacker) {
		a.publish(&nats.Msg{Subject: subject, Data: []byte(body), Header: nats.Header{
			"Nats-Stream": {events}, "Nats-Subject": {"revoked.rev.event"}, "Nats-Sequence": {"1000000"},
			"Nats-Time-Stamp": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano)}, "Nats-Last-Sequence": {"1"},
		}})
	}
}

// schedule would replace the ticks by one a day.
func schedule(a *attacker) {
	a.publish(&nats.Msg{Subject: "revoked.rev.schedule", Data: []byte(tick), Header: nats.Header{
		"Nats-Schedule": {"@every 24h"}, "Nats-Schedule-Target": {"revoked.rev.tick"}, "Nats-Schedule-TTL": {"1h"},
	}})
}

// endOfBatch tells another node that catching up is done.
func endOfBatch(a *attacker) {
	a.publish(&nats.Msg{Subject: a.victim, Header: nats.Header{
		"Status": {"204"}, "Description": {"EOB"}, "Nats-Num-Pending": {"0"}, "Nats-Last-Sequence": {"1000000"},
	}})
}

// forged is an act that nobody has accepted.
var forged = revocation.Act{
	ID: revocation.NewActID(), State: revocation.StateOpen, ExpiresAt: time.Now().Unix() + 3600,
	Target: revocation.Target{Kind: revocation.KindSession, Pool: pool, ID: "forged"},
}

var (
	act  = string(revocation.Message{SentAt: time.Now(), Acts: []revocation.Act{forged}}.Encode())
	beat = string(revocation.Message{Beat: &revocation.Beat{ServiceID: "x", Epoch: "forged", Version: 1}}.Encode())
	tick = string(revocation.Message{Tick: true}.Encode())
)

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// changed is the configuration of the stream without republishing.
var changed = asJSON(map[string]any{
	"name": events, "subjects": []string{"revoked.rev.*"}, "num_replicas": 1, "storage": "file", "allow_direct": true,
	"allow_msg_ttl": true, "allow_msg_schedules": true, "deny_delete": true, "max_age": 0, "retention": "limits",
})

func consumer(durable, deliver string) string {
	cfg := map[string]any{"durable_name": durable, "ack_policy": "none", "deliver_policy": "all"}
	if deliver != "" {
		cfg["deliver_subject"] = deliver
	}
	return asJSON(map[string]any{"stream_name": events, "config": cfg})
}

// streamAPI is what only the administrator may do with the stream, whoever
// tries.
func streamAPI() []attempt {
	other := asJSON(map[string]any{
		"name": "OTHER", "subjects": []string{"revoked.live.>"}, "storage": "file",
		"num_replicas": 1, "max_age": 0, "retention": "limits",
	})
	return []attempt{
		{what: "purge the stream", do: ask(api+"STREAM.PURGE."+events, "")},
		{what: "purge the tick schedule", do: ask(api+"STREAM.PURGE."+events, `{"filter":"revoked.rev.schedule"}`)},
		{what: "delete the stream", do: ask(api+"STREAM.DELETE."+events, "")},
		{what: "change the stream's configuration", do: ask(api+"STREAM.UPDATE."+events, changed)},
		{what: "create a stream that swallows live.>", do: ask(api+"STREAM.CREATE.OTHER", other)},
		{what: "delete a message", do: ask(api+"STREAM.MSG.DELETE.PLAIN", `{"seq":1}`)},
		{what: "read a message with STREAM.MSG.GET", do: ask(api+"STREAM.MSG.GET."+events, `{"seq":1}`)},
		{what: "take a snapshot of the stream", do: ask(api+"STREAM.SNAPSHOT."+events, `{"deliver_subject":"revoked.fast.event"}`)},
		{what: "restore a stream", do: ask(api+"STREAM.RESTORE.OTHER", asJSON(map[string]any{"config": json.RawMessage(other)}))},
		{what: "list streams", do: ask(api+"STREAM.NAMES", "")},
		{what: "read the account's limits", do: ask(api+"INFO", "")},
		{what: "create a consumer", do: ask(api+"CONSUMER.DURABLE.CREATE."+events+".spy", consumer("spy", ""))},
		{what: "create a consumer that delivers to live.event", do: ask(api+"CONSUMER.CREATE."+events+".push", consumer("push", "revoked.live.event"))},
		{what: "pause a consumer of the tasks", do: ask(api+"CONSUMER.PAUSE.REVOKED_TASKS.workers", fmt.Sprintf(`{"pause_until":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339)))},
		{what: "delete a consumer of the tasks", do: ask(api+"CONSUMER.DELETE.REVOKED_TASKS.workers", "")},
	}
}

// asNode is what a node's credential (of the service orders) must not allow.
func asNode() []attempt {
	list := []attempt{
		{what: "store an act", do: publish("revoked.rev.event", act)},
		{what: "store a beat of another epoch", do: publish("revoked.rev.beat", beat)},
		{what: "store a tick", do: publish("revoked.rev.tick", tick)},
		{what: "replace the tick schedule", do: schedule},
		{what: "forge a live act", do: live("revoked.live.event", act)},
		{what: "forge a live tick from the future", do: live("revoked.live.tick", tick), control: "controller"},
		{what: "forge a live beat of another epoch", do: live("revoked.live.beat", beat), control: "controller"},
		{what: "forge an act on the fast path", do: publish("revoked.fast.event", act)},
		{what: "forge a probe", do: publish("revoked.probe", "forged")},
		{what: "speak for another service", do: publish("revoked.status.payments.n2", "forged"), control: "controller"},
		{what: "speak for the revoke service", do: publish("revoked.status.revoked.r1", "forged"), control: "controller"},
		{what: "store a task", do: publish("revoked.task.x", "forged")},
		{what: "write into the audit log", do: publish("revoked.audit.entry", "forged")},
		{what: "strike a node from the roll", do: publish("revoked.fleet.payments.n1.1", "")},
		{what: "read the roll of nodes", do: ask(api+"DIRECT.GET.REVOKED_FLEET", `{"seq":1}`)},
		{what: "read the audit log", do: ask(api+"DIRECT.GET.REVOKED_AUDIT", `{"seq":1}`)},
		{what: "read tasks", do: ask(api+"DIRECT.GET.REVOKED_TASKS", `{"seq":1}`)},
		{what: "take tasks from the queue", do: ask(api+"CONSUMER.MSG.NEXT.REVOKED_TASKS.workers", `{"batch":1,"expires":1000000000}`)},
		{what: "listen to the status of every service", do: listen("revoked.status.>"), control: "controller"},
		{what: "listen to another service's inboxes", do: listen("_INBOX_payments.>"), control: "controller"},
		{what: "listen to default inboxes", do: listen("_INBOX.>"), control: "controller"},
		{what: "listen to everything", do: listen(">"), control: "controller"},
		{what: "listen to the stream's own subjects", do: listen("revoked.rev.*")},
		{what: "listen to the server's events", do: listen("$SYS.>"), control: "controller"},
		{what: "ask the server about accounts", do: ask("$SYS.REQ.SERVER.PING", ""), control: "system"},
		{what: "forge an end of batch in another node's inbox", do: endOfBatch, control: "controller"},
		{what: "answer into another service's inbox", do: publish("_INBOX_payments.guess", "forged"), control: "controller"},
		// The server checks no reply subject.
		{what: "aim an answer at rev.event", do: aim("revoked.rev.event", false), arrives: "revoked.rev.event"},
		{what: "aim an answer at rev.tick", do: aim("revoked.rev.tick", true), arrives: "revoked.rev.tick"},
		{what: "aim an answer at rev.schedule", do: aim("revoked.rev.schedule", false), arrives: "revoked.rev.schedule"},
		{what: "aim an answer at live.event", do: aim("revoked.live.event", false), arrives: "revoked.live.event"},
		{what: "aim an answer at live.tick", do: aim("revoked.live.tick", false), arrives: "revoked.live.tick"},
		{what: "aim an answer without headers at live.event", do: aim("revoked.live.event", true), arrives: "revoked.live.event"},
		{what: "aim an answer at fast.event", do: aim("revoked.fast.event", true), arrives: "revoked.fast.event"},
		{what: "aim an answer at the probes", do: aim("revoked.probe", true), arrives: "revoked.probe"},
		{what: "aim an answer at another service's status", do: aim("revoked.status.payments.n1", true), arrives: "revoked.status.payments.n1"},
		{what: "aim an answer at another service's inboxes", do: aim("_INBOX_payments.guess", true), arrives: "_INBOX_payments.guess"},
	}
	return withControl(append(list, streamAPI()...))
}

// asService is what the credential of the revoke service must not allow.
func asService() []attempt {
	list := []attempt{
		{what: "store a tick", do: publish("revoked.rev.tick", tick)},
		{what: "replace the tick schedule", do: schedule},
		{what: "store on a new subject of the stream", do: publish("revoked.rev.other", "forged")},
		{what: "forge a live act", do: live("revoked.live.event", act)},
		{what: "forge a live tick from the future", do: live("revoked.live.tick", tick)},
		{what: "speak for a node", do: publish("revoked.status.orders.n1", "forged")},
		{what: "answer into the administrator's inbox", do: publish("_INBOX.guess", "forged")},
		{what: "listen to the administrator's inboxes", do: listen("_INBOX.>")},
		{what: "listen to the API", do: listen("$JS.API.>")},
		{what: "listen to everything", do: listen(">")},
		{what: "purge the audit log", do: ask(api+"STREAM.PURGE.REVOKED_AUDIT", "")},
		{what: "change its tasks' configuration", do: ask(api+"STREAM.UPDATE.REVOKED_TASKS", asJSON(map[string]any{
			"name": "REVOKED_TASKS", "subjects": []string{"revoked.task.*"}, "storage": "file", "num_replicas": 1, "retention": "limits", "max_msgs_per_subject": 1,
			"allow_direct": true, "allow_msg_ttl": true, "deny_delete": true, "deny_purge": true, "max_age": 1000000000000,
		}))},
	}
	return withControl(append(list, streamAPI()...))
}

// withControl lets the administrator do what has no other control.
func withControl(list []attempt) []attempt {
	for i := range list {
		if list[i].control == "" {
			list[i].control = "admin"
		}
	}
	return list
}
