// Package capturetest is the behaviour suite of capture.Source and
// capture.Stream: what every source must do, whatever its log is like. It also
// has the Reader, with which the tests of a source look at events.
//
// The suite speaks plain SQL, so that one text runs on every database.
package capturetest
