// One tick a second, from a worker: in a hidden tab a page's own timers may run once a minute.
setInterval(() => postMessage(0), 1000);
