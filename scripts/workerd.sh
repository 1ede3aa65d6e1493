#!/bin/sh
# workerd under two rules that a local run needs:
#   It is deaf to Ctrl-C. The terminal interrupts the whole process group, but the queue of a local run lives in
#   workerd's memory, and scripts/start.ts empties it before it stops the runtime. An ignored signal stays ignored
#   through exec.
#   It does not outlive its parent. If that is killed, workerd would keep the port and the state folder.
trap '' INT
(while kill -0 "$PPID" && kill -0 "$$"; do sleep 1; done; kill -9 "$$") </dev/null >/dev/null 2>&1 3>&- &
exec "$CLICKLEDGER_WORKERD" "$@"
