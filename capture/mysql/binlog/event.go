package binlog

import (
	"strconv"

	"github.com/tailrace/tailrace/event"
)

// An EventType is the type of an event as its header names it (MySQL:
// Log_event_type; MariaDB: Log_event_type, from 160 on its own).
type EventType uint8

// The types of MySQL, of which MariaDB has those up to 38 that are not about
// GTIDs.
const (
	Query              EventType = 2
	Stop               EventType = 3
	Rotate             EventType = 4
	IntVar             EventType = 5
	AppendBlock        EventType = 9
	DeleteFile         EventType = 11
	Rand               EventType = 13
	UserVar            EventType = 14
	FormatDescription  EventType = 15
	XID                EventType = 16
	BeginLoadQuery     EventType = 17
	ExecuteLoadQuery   EventType = 18
	TableMapEvent      EventType = 19
	PreGAWriteRows     EventType = 20
	PreGAUpdateRows    EventType = 21
	PreGADeleteRows    EventType = 22
	WriteRowsV1        EventType = 23
	UpdateRowsV1       EventType = 24
	DeleteRowsV1       EventType = 25
	Incident           EventType = 26
	Heartbeat          EventType = 27
	Ignorable          EventType = 28
	RowsQuery          EventType = 29
	WriteRows          EventType = 30
	UpdateRows         EventType = 31
	DeleteRows         EventType = 32
	GTID               EventType = 33
	AnonymousGTID      EventType = 34
	PreviousGTIDs      EventType = 35
	TransactionContext EventType = 36
	ViewChange         EventType = 37
	XAPrepare          EventType = 38
	PartialUpdateRows  EventType = 39
	TransactionPayload EventType = 40
	HeartbeatV2        EventType = 41
	GTIDTagged         EventType = 42
)

// The types that MariaDB alone has.
const (
	AnnotateRows           EventType = 160
	BinlogCheckpoint       EventType = 161
	MariaGTID              EventType = 162
	MariaGTIDList          EventType = 163
	StartEncryption        EventType = 164
	QueryCompressed        EventType = 165
	WriteRowsCompressedV1  EventType = 166
	UpdateRowsCompressedV1 EventType = 167
	DeleteRowsCompressedV1 EventType = 168
	WriteRowsCompressed    EventType = 169
	UpdateRowsCompressed   EventType = 170
	DeleteRowsCompressed   EventType = 171
	PartialRowData         EventType = 172
)

var typeNames = map[EventType]string{
	Query: "QUERY_EVENT", Stop: "STOP_EVENT", Rotate: "ROTATE_EVENT", IntVar: "INTVAR_EVENT", Rand: "RAND_EVENT",
	AppendBlock: "APPEND_BLOCK_EVENT", DeleteFile: "DELETE_FILE_EVENT", UserVar: "USER_VAR_EVENT", FormatDescription: "FORMAT_DESCRIPTION_EVENT", XID: "XID_EVENT",
	BeginLoadQuery: "BEGIN_LOAD_QUERY_EVENT", ExecuteLoadQuery: "EXECUTE_LOAD_QUERY_EVENT", TableMapEvent: "TABLE_MAP_EVENT",
	PreGAWriteRows: "PRE_GA_WRITE_ROWS_EVENT", PreGAUpdateRows: "PRE_GA_UPDATE_ROWS_EVENT", PreGADeleteRows: "PRE_GA_DELETE_ROWS_EVENT",
	WriteRowsV1: "WRITE_ROWS_EVENT_V1", UpdateRowsV1: "UPDATE_ROWS_EVENT_V1", DeleteRowsV1: "DELETE_ROWS_EVENT_V1",
	Incident: "INCIDENT_EVENT", Heartbeat: "HEARTBEAT_LOG_EVENT", Ignorable: "IGNORABLE_LOG_EVENT", RowsQuery: "ROWS_QUERY_LOG_EVENT",
	WriteRows: "WRITE_ROWS_EVENT", UpdateRows: "UPDATE_ROWS_EVENT", DeleteRows: "DELETE_ROWS_EVENT",
	GTID: "GTID_LOG_EVENT", AnonymousGTID: "ANONYMOUS_GTID_LOG_EVENT", PreviousGTIDs: "PREVIOUS_GTIDS_LOG_EVENT",
	TransactionContext: "TRANSACTION_CONTEXT_EVENT", ViewChange: "VIEW_CHANGE_EVENT", XAPrepare: "XA_PREPARE_LOG_EVENT",
	PartialUpdateRows: "PARTIAL_UPDATE_ROWS_EVENT", TransactionPayload: "TRANSACTION_PAYLOAD_EVENT",
	HeartbeatV2: "HEARTBEAT_LOG_EVENT_V2", GTIDTagged: "GTID_TAGGED_LOG_EVENT",

	AnnotateRows: "ANNOTATE_ROWS_EVENT", BinlogCheckpoint: "BINLOG_CHECKPOINT_EVENT", MariaGTID: "GTID_EVENT",
	MariaGTIDList: "GTID_LIST_EVENT", StartEncryption: "START_ENCRYPTION_EVENT", QueryCompressed: "QUERY_COMPRESSED_EVENT",
	WriteRowsCompressedV1: "WRITE_ROWS_COMPRESSED_EVENT_V1", UpdateRowsCompressedV1: "UPDATE_ROWS_COMPRESSED_EVENT_V1",
	DeleteRowsCompressedV1: "DELETE_ROWS_COMPRESSED_EVENT_V1", WriteRowsCompressed: "WRITE_ROWS_COMPRESSED_EVENT",
	UpdateRowsCompressed: "UPDATE_ROWS_COMPRESSED_EVENT", DeleteRowsCompressed: "DELETE_ROWS_COMPRESSED_EVENT",
	PartialRowData: "PARTIAL_ROW_DATA_EVENT",
}

// String returns the server's name of t, and "event type 200" for a type
// without one.
func (t EventType) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return "event type " + strconv.Itoa(int(t))
}

// RowsOp returns what the rows of an event of type t tell, and false for an
// event that ParseRows does not read. Of those, PartialUpdateRows,
// PartialRowData and the three of before MySQL 5.1's release carry rows too.
func (t EventType) RowsOp() (op event.Op, ok bool) {
	switch t {
	case WriteRowsV1, WriteRows, WriteRowsCompressedV1, WriteRowsCompressed:
		return event.Insert, true
	case UpdateRowsV1, UpdateRows, UpdateRowsCompressedV1, UpdateRowsCompressed:
		return event.Update, true
	case DeleteRowsV1, DeleteRows, DeleteRowsCompressedV1, DeleteRowsCompressed:
		return event.Delete, true
	}
	return 0, false
}
