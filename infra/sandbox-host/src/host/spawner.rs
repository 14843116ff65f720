//! The thread that starts sandboxes.
//!
//! bwrap dies with its parent, and the kernel takes the parent to be the *thread* that forked. So all are
//! started by one thread that lives as long as the host, and not by a worker that may end before.

use std::io;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Order {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Starts processes that die with the host. When it is dropped, they do.
#[derive(Clone)]
pub(super) struct Spawner {
    orders: mpsc::Sender<Order>,
}

impl Spawner {
    /// Starts the thread; children are waited for on the runtime.
    pub(super) fn start(runtime: Handle) -> io::Result<Self> {
        let (orders, queue) = mpsc::channel::<Order>();
        std::thread::Builder::new().name("sandbox-spawn".into()).spawn(move || {
            let _entered = runtime.enter();
            for mut order in queue {
                let child = order.command.spawn();
                // The command holds the child's ends of its sockets; they must close here.
                drop(order.command);
                let _ = order.reply.send(child);
            }
        })?;
        Ok(Self { orders })
    }

    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, child) = oneshot::channel();
        let gone = || io::Error::other("the spawning thread is gone");
        self.orders.send(Order { command, reply }).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}
