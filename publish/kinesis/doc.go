// Package kinesis publishes events to an Amazon Kinesis data stream, strictly in
// order.
//
// The order of a partition key is that of a lane: one of 1,024 fixed points of the
// stream's hash space. Whatever happens, a lane has one record on its way, and
// its next one waits until that is stored. A call to PutRecords holds at most one
// record of a lane, because the service stores some records of a call and refuses
// others; a lane whose record was refused is in the next call first. Shards play
// no part in this: splits and merges move lanes as a whole and remap nothing.
//
// A lane is not slow for that. What queues in it while a record is on its way is
// packed into the next one, up to 256 KiB, and four of those a second fill a
// shard.
//
// Nothing is given up because it takes long. What is throttled, unanswered or
// answered with a failure of the service is sent again, the same record with the
// same bytes. It may have been stored the first time: a record that comes again
// is recognised by the `ver` of its events.
package kinesis
