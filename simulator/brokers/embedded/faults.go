package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fault is a line of JSON. For a time, requests of some API keys are answered with an error code, or
// late. Partitions narrow what fails.
type fault struct {
	Keys       []int16 `json:"keys"`
	Partitions []int32 `json:"partitions"`
	Code       int16   `json:"code"`
	DelayMS    int64   `json:"delay_ms"`
	ForMS      int64   `json:"for_ms"`
}

// plantFaults plants the fault of each line.
func plantFaults(cluster *kfake.Cluster, lines io.Reader) {
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		var f fault
		if err := json.Unmarshal(scanner.Bytes(), &f); err != nil {
			fmt.Fprintln(os.Stderr, "streamsim-broker: not a fault:", err)
			continue
		}
		f.plant(cluster)
		fmt.Fprintln(os.Stderr, "streamsim-broker: planted", scanner.Text())
	}
}

func (f fault) plant(cluster *kfake.Cluster) {
	duration := time.Duration(f.ForMS) * time.Millisecond
	if f.DelayMS > 0 {
		until, delay := time.Now().Add(duration), time.Duration(f.DelayMS)*time.Millisecond
		for _, key := range f.Keys {
			cluster.ControlKey(key, func(kmsg.Request) (kmsg.Response, error, bool) {
				if time.Now().After(until) {
					return nil, nil, false // it is dropped now
				}
				cluster.KeepControl()
				cluster.SleepControl(func() { time.Sleep(delay) })
				return nil, nil, false
			})
		}
		return
	}
	keys := make([]kmsg.Key, len(f.Keys))
	for i, key := range f.Keys {
		keys[i] = kmsg.Key(key)
	}
	handle := cluster.Fault(kfake.Fault{
		Keys: keys, Partitions: f.Partitions, Err: kerr.TypedErrorForCode(f.Code), Count: -1,
	})
	time.AfterFunc(duration, handle.Remove)
}
