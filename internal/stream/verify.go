package stream

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// MismatchError says that an existing stream has a setting with which revoked
// would lose or delay revocations.
type MismatchError struct {
	Stream, Field, Wanted, Found string
}

// Error names the stream, the field, what is wanted and what was found.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("stream: %s: field %s: wanted %s, found %s", e.Stream, e.Field, e.Wanted, e.Found)
}

// compare returns a [*MismatchError] for the first field of found that is not
// as wanted.
func compare(names Names, found jetstream.StreamConfig) error {
	if all := differences(names, found); len(all) > 0 {
		return all[0]
	}
	return nil
}

// differences returns what is not as wanted, field by field.
//
// Not compared: allow_rollup_hdrs and deny_purge, which the server switches on
// and off by itself when schedules are allowed (seen in nats-server 2.15.2;
// purges are kept away by permissions), and fields that change neither what is
// kept nor what is delivered (description, compression, placement).
func differences(names Names, found jetstream.StreamConfig) []*MismatchError {
	want := wanted(names)
	republish := func(r *jetstream.RePublish) string {
		if r == nil {
			return "none"
		}
		return fmt.Sprintf("%s to %s, headers only %t", r.Source, r.Destination, r.HeadersOnly)
	}
	fields := []struct{ name, wanted, found string }{
		{"subjects", fmt.Sprint(want.Subjects), fmt.Sprint(slices.Sorted(slices.Values(found.Subjects)))},
		{"retention", want.Retention.String(), found.Retention.String()},
		{"storage", want.Storage.String(), found.Storage.String()},
		{"max_msgs", "unlimited", limit(found.MaxMsgs)},
		{"max_msgs_per_subject", "unlimited", limit(found.MaxMsgsPerSubject)},
		{"max_bytes", "unlimited", limit(found.MaxBytes)},
		{"max_msg_size", "unlimited", limit(int64(found.MaxMsgSize))},
		{"max_age", "0s", found.MaxAge.String()},
		{"no_ack", "false", fmt.Sprint(found.NoAck)},
		{"sealed", "false", fmt.Sprint(found.Sealed)},
		{"allow_direct", "true", fmt.Sprint(found.AllowDirect)},
		{"allow_msg_ttl", "true", fmt.Sprint(found.AllowMsgTTL)},
		{"allow_msg_schedules", "true", fmt.Sprint(found.AllowMsgSchedules)},
		{"deny_delete", "true", fmt.Sprint(found.DenyDelete)},
		// A marker per expired message would be republished to every node.
		{"subject_delete_marker_ttl", "0s", found.SubjectDeleteMarkerTTL.String()},
		{"republish", republish(want.RePublish), republish(found.RePublish)},
		{"mirror", "false", fmt.Sprint(found.Mirror != nil)},
		{"sources", "0", fmt.Sprint(len(found.Sources))},
		{"subject_transform", "false", fmt.Sprint(found.SubjectTransform != nil)},
		{"metadata." + epochKey + " is set", "true", fmt.Sprint(found.Metadata[epochKey] != "")},
	}
	var all []*MismatchError
	for _, f := range fields {
		if f.wanted != f.found {
			all = append(all, &MismatchError{Stream: names.Events(), Field: f.name, Wanted: f.wanted, Found: f.found})
		}
	}
	return all
}

// limit names a limit of a stream; the server shows "no limit" as -1 or 0.
func limit(n int64) string {
	if n <= 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}
