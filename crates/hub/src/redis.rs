//! The engine for many nodes: Redis Streams, of Redis 6.2 and later, and of Valkey.
//!
//! A topic is a stream. The id of an event is that of its entry, `ms-seq`, as it is; the entry holds the event's block without an id
//! line. An id is known if its entry is held, or if it is the stream's last one: reading after any other id skips silently what was
//! trimmed, or what a failover has lost. So each page is read together with that question, by a script, and after each `XREAD` it is
//! asked for the cursors that were read from.
//!
//! What follows `XREAD BLOCK` waits for it, so it has a connection of its own. `CLIENT UNBLOCK` interrupts it.

use core::fmt;
use core::task::Poll;
use std::collections::HashMap;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, RedisError, Script, Value, cmd, pipe};
use sse_wire::Event;
use tokio::sync::Mutex;

use crate::engine::{After, BoxFuture, Cursors, Engine, EngineError, Entry, Id, Page, Presence, Read, Topic};
use crate::limits::Kept;

/// How long an answer may take, besides the time that was asked for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long one `XREAD` waits.
const BLOCK: Duration = Duration::from_secs(5);

/// How soon an `XREAD` answers that was interrupted.
const UNBLOCKED: Duration = Duration::from_millis(2);

/// How many topics one `XREAD` waits for. What Redis does for one grows with its keys, also if only one has an entry.
const TOPICS_PER_READ: usize = 128;

/// How many entries of a topic one `XREAD` returns at most.
const ENTRIES_PER_READ: usize = 256;

/// How long the names of events that were published once are remembered.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// The field of an entry that holds the block.
const BLOCK_FIELD: &[u8] = b"b";

/// Appends a block, unless one of this name was appended, and drops the oldest entries that are too many, too large or too old. One
/// more is kept than was promised, so that the id after which a client may miss something is known.
/// KEYS: the stream, its size in bytes, and perhaps the name. ARGV: the block, the most entries, the most bytes, the greatest age in
/// ms or -1, how long names are remembered in ms, and how long the topic is kept in ms or -1.
const APPEND: &str = r"
if KEYS[3] then
    local id = redis.call('GET', KEYS[3])
    if id then return id end
end
local id = redis.call('XADD', KEYS[1], '*', 'b', ARGV[1])
if KEYS[3] then redis.call('SET', KEYS[3], id, 'PX', ARGV[5]) end
local size = redis.call('INCRBY', KEYS[2], #ARGV[1])
local length = redis.call('XLEN', KEYS[1])
local now = tonumber(string.match(id, '^%d+'))
while length > 2 do
    local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 2)
    local first_size = 0
    for at, part in ipairs(first[1][2]) do
        if at % 2 == 0 then first_size = first_size + #part end
    end
    local second_time = tonumber(string.match(first[2][1], '^%d+'))
    local is_old = tonumber(ARGV[4]) >= 0 and now - second_time > tonumber(ARGV[4])
    local is_fit = length - 1 <= tonumber(ARGV[2]) and size - first_size <= tonumber(ARGV[3])
    if is_fit and not is_old then break end
    size = size - first_size
    redis.call('XTRIM', KEYS[1], 'MINID', first[2][1])
    length = redis.call('XLEN', KEYS[1])
end
redis.call('SET', KEYS[2], math.max(size, 0))
for at = 1, 2 do
    if tonumber(ARGV[6]) >= 0 then redis.call('PEXPIRE', KEYS[at], ARGV[6]) else redis.call('PERSIST', KEYS[at]) end
end
return id
";

/// What is known of an id, and the entries that follow. KEYS: the stream. ARGV: the id, or nothing for the start; the most entries; how
/// many ms the place before the first entry is known, or -1; and when it was given. Returns the last id of the stream, 1 if the id is
/// known and otherwise 0, the entries, and the time in ms.
const PAGE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
-- That the stream is empty tells nothing about what there was before it was dropped, unless that cannot have been meanwhile.
local lasts = tonumber(ARGV[3])
local is_start = ARGV[1] == '0-0' and (lasts < 0 or (ARGV[4] ~= '' and now - ARGV[4] < lasts))
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if info.err then
    if string.find(info.err, 'no such key') then
        return {'0-0', (ARGV[1] == '' or is_start) and 1 or 0, {}, now_text}
    end
    return info
end
local fields = {}
for at = 1, #info, 2 do fields[info[at]] = info[at + 1] end
local last = fields['last-generated-id']
local from = '-'
if ARGV[1] ~= '' then
    local is_known
    if ARGV[1] == '0-0' then
        -- Before the first entry, as long as none was dropped.
        is_known = is_start and fields['entries-added'] == fields['length']
    else
        is_known = ARGV[1] == last or #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 1
    end
    if not is_known then return {last, 0, {}, now_text} end
    from = '(' .. ARGV[1]
end
if ARGV[2] == '0' then return {last, 1, {}, now_text} end
return {last, 1, redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[2]), now_text}
";

/// Writes how many subscribers a node has, and until when that counts. KEYS: the nodes of the topic. ARGV: the node, the number, and for
/// how many ms it counts.
const ANNOUNCE: &str = r"
if ARGV[2] == '0' then return redis.call('HDEL', KEYS[1], ARGV[1]) end
local time = redis.call('TIME')
local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3]
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', until_ms))
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
";

/// The nodes of a topic whose numbers still count, each followed by its number. KEYS: the nodes of the topic.
const PRESENCE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all, present = redis.call('HGETALL', KEYS[1]), {}
for at = 1, #all, 2 do
    local count, until_ms = string.match(all[at + 1], '^(%d+) (%d+)$')
    if count and tonumber(until_ms) > now then
        present[#present + 1] = all[at]
        present[#present + 1] = tonumber(count)
    else
        redis.call('HDEL', KEYS[1], all[at])
    end
end
return present
";

/// How many topics are announced at a time.
const ANNOUNCED: usize = 500;

/// Logs in Redis, which all nodes share that use the same server and the same prefix.
pub struct Redis {
    client: Client,
    prefix: String,
    kept: Kept,
    append: Script,
    page: Script,
    shared: Mutex<Option<MultiplexedConnection>>,
    /// Those that wait for entries, and their ids, while they do not.
    reading: Mutex<Vec<(MultiplexedConnection, i64)>>,
}

impl Redis {
    /// Logs in the Redis at this URL, such as `redis://127.0.0.1/`, that keep so much each.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the URL is none, or if the server cannot be reached.
    pub async fn connect(url: &str, kept: Kept) -> Result<Redis, EngineError> {
        let client = Client::open(url).map_err(|error| EngineError::refused("the URL of Redis", error))?;
        let redis = Redis {
            client,
            prefix: String::from("sse"),
            kept,
            append: Script::new(APPEND),
            page: Script::new(PAGE),
            shared: Mutex::default(),
            reading: Mutex::default(),
        };
        let mut connection = redis.connection().await?;
        let pong: Result<Value, RedisError> = cmd("PING").query_async(&mut connection).await;
        pong.map_err(|error| failed("PING", &error))?;
        Ok(redis)
    }

    /// The same logs under keys that begin with this, in place of `sse`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Redis {
        self.prefix = prefix.into();
        self
    }

    /// The key of a topic. All keys of a topic have the same hash tag, so that a cluster has them in one place. A topic cannot
    /// reach other keys: it is between braces, and holds none.
    fn key(&self, topic: &str) -> String {
        let topic = topic.replace('%', "%25").replace('{', "%7B").replace('}', "%7D");
        format!("{}:{{{topic}}}", self.prefix)
    }

    async fn connect_with(&self, patience: Option<Duration>) -> Result<MultiplexedConnection, EngineError> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(patience);
        let connected = self.client.get_multiplexed_async_connection_with_config(&config).await;
        connected.map_err(|error| failed("connecting to Redis", &error))
    }

    /// The connection that all but reading share.
    async fn connection(&self) -> Result<MultiplexedConnection, EngineError> {
        let connected = async {
            let mut shared = self.shared.lock().await;
            if let Some(connection) = &*shared {
                return Ok(connection.clone());
            }
            let connection = self.connect_with(Some(PATIENCE)).await?;
            *shared = Some(connection.clone());
            Ok(connection)
        };
        // Many may wait for the one who tries to connect, and then would try one after the other.
        let connected = tokio::time::timeout(PATIENCE, connected).await;
        connected.unwrap_or_else(|_| Err(EngineError::unreachable("connecting to Redis", "it does not answer")))
    }

    /// After an error: the next call connects again if the connection is of no use.
    async fn failed(&self, what: String, error: &RedisError) -> EngineError {
        if !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
            *self.shared.lock().await = None;
        }
        failed(what, error)
    }

    /// How long the place before the first entry of a topic is known, in ms: for less time than the entries after it are kept.
    fn start_lasts(&self) -> i64 {
        self.kept.idle.map_or(-1, |idle| i64::try_from(idle.as_millis() / 4 * 3).unwrap_or(i64::MAX))
    }

    async fn paged(&self, topic: &str, after: &str, most: usize) -> Result<(Id, Option<Vec<Entry>>), EngineError> {
        let mut connection = self.connection().await?;
        let mut page = self.page.prepare_invoke();
        let (id, given) = place(after);
        page.key(self.key(topic)).arg(id).arg(most).arg(self.start_lasts()).arg(given);
        let page: Result<RawPage, RedisError> = page.invoke_async(&mut connection).await;
        match page {
            Ok((last, is_known, entries, now)) => {
                let entries = entries.into_iter().map(RawEntry::into_entry).collect();
                let is_start = last == START && self.kept.idle.is_some();
                let last = if is_start { format!("{START}@{now}") } else { last };
                Ok((Id::new(&last), (is_known == 1).then_some(entries)))
            }
            Err(error) => Err(self.failed(format!("reading the topic {topic:?}"), &error).await),
        }
    }

    /// Reads by the connection for it, and asks it whether the cursors that had entries are known.
    async fn read_by(&self, connection: &mut MultiplexedConnection, cursors: &Cursors) -> Result<Read, RedisError> {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(ENTRIES_PER_READ).arg("BLOCK").arg(BLOCK.as_millis().to_string()).arg("STREAMS");
        let by_key: HashMap<String, (&Topic, &Id)> =
            cursors.iter().map(|(topic, id)| (self.key(topic), (topic, id))).collect();
        read.arg(by_key.keys().collect::<Vec<_>>());
        read.arg(by_key.values().map(|(_, id)| place(id.as_str()).0).collect::<Vec<_>>());
        let found: Option<Vec<(String, Vec<RawEntry>)>> = read.query_async(connection).await?;
        let Some(found) = found else { return Ok(Read::new()) };

        let (mut asked, mut topics) = (pipe(), Vec::new());
        for (key, entries) in found {
            let Some((topic, id)) = by_key.get(&key) else { continue };
            let (id, given) = place(id.as_str());
            asked.cmd("EVAL").arg(PAGE).arg(1).arg(key).arg(id).arg(0).arg(self.start_lasts()).arg(given);
            topics.push((Topic::clone(topic), entries));
        }
        let known: Vec<RawPage> = asked.query_async(connection).await?;
        let mut read = Read::new();
        for ((topic, entries), (_, is_known, ..)) in topics.into_iter().zip(known) {
            let entries = entries.into_iter().map(RawEntry::into_entry).collect();
            read.push((topic, if is_known == 1 { Page::Entries(entries) } else { Page::Unknown }));
        }
        Ok(read)
    }
}

impl Engine for Redis {
    fn append<'a>(
        &'a self,
        topic: &'a str,
        event: Event<'a>,
        once: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Id, EngineError>> {
        Box::pin(async move {
            let head = event.head();
            let block =
                Event::new(event.data()).with_optional_name(head.name()).with_optional_retry(head.retry()).encode();
            let key = self.key(topic);
            let mut append = self.append.prepare_invoke();
            append.key(&key).key(format!("{key}:size"));
            if let Some(name) = once {
                append.key(format!("{key}:once:{name}"));
            }
            let millis =
                |time: Option<Duration>| time.map_or(-1, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
            append.arg(&block[..]).arg(self.kept.events).arg(self.kept.bytes);
            append.arg(millis(self.kept.age)).arg(REMEMBERED.as_millis().to_string()).arg(millis(self.kept.idle));
            let mut connection = self.connection().await?;
            let id: Result<String, RedisError> = append.invoke_async(&mut connection).await;
            match id {
                Ok(id) => Ok(Id::new(&id)),
                Err(error) => Err(self.failed(format!("publishing to the topic {topic:?}"), &error).await),
            }
        })
    }

    fn newest<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Id, EngineError>> {
        Box::pin(async move { self.paged(topic, "", 0).await.map(|(newest, _)| newest) })
    }

    fn page<'a>(&'a self, topic: &'a str, after: After<'a>, most: usize) -> BoxFuture<'a, Result<Page, EngineError>> {
        Box::pin(async move {
            let after = match after {
                After::Start => "",
                After::Id(id) if is_id(id) => id,
                After::Id(_) => return Ok(Page::Unknown),
            };
            let (_, entries) = self.paged(topic, after, most).await?;
            Ok(entries.map_or(Page::Unknown, Page::Entries))
        })
    }

    fn read<'a>(
        &'a self,
        cursors: &'a Cursors,
        interrupt: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, Result<Read, EngineError>> {
        Box::pin(async move {
            let mut interrupt = interrupt;
            if core::future::poll_fn(|cx| Poll::Ready(interrupt.as_mut().poll(cx).is_ready())).await {
                return Ok(Read::new());
            }
            let idle = self.reading.lock().await.pop();
            let (mut connection, id) = if let Some(idle) = idle {
                idle
            } else {
                let mut connection = self.connect_with(Some(BLOCK + PATIENCE)).await?;
                let id: Result<i64, RedisError> = cmd("CLIENT").arg("ID").query_async(&mut connection).await;
                (connection, id.map_err(|error| failed("reading topics", &error))?)
            };
            let read = {
                let mut read = core::pin::pin!(self.read_by(&mut connection, cursors));
                tokio::select! {
                    read = &mut read => read,
                    () = interrupt => loop {
                        let mut shared = self.connection().await?;
                        let unblocked: Result<i64, RedisError> =
                            cmd("CLIENT").arg("UNBLOCK").arg(id).query_async(&mut shared).await;
                        if let Err(error) = unblocked {
                            return Err(self.failed("interrupting a read".into(), &error).await);
                        }
                        // If it was not waiting, it has an answer, or did not wait yet.
                        if let Ok(read) = tokio::time::timeout(UNBLOCKED, &mut read).await {
                            break read;
                        }
                    },
                }
            };
            match read {
                Ok(read) => {
                    self.reading.lock().await.push((connection, id));
                    Ok(read)
                }
                // This connection is not used again. If it is broken, so is the other, most likely.
                Err(error) => Err(self.failed("reading topics".into(), &error).await),
            }
        })
    }

    fn topics_per_read(&self) -> usize {
        TOPICS_PER_READ
    }

    fn announce<'a>(
        &'a self,
        node: &'a str,
        counts: &'a [(Topic, usize)],
        lasts: Duration,
    ) -> BoxFuture<'a, Result<(), EngineError>> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            for counts in counts.chunks(ANNOUNCED) {
                let mut told = pipe();
                for (topic, count) in counts {
                    let key = format!("{}:nodes", self.key(topic));
                    told.cmd("EVAL").arg(ANNOUNCE).arg(1).arg(key).arg(node).arg(*count);
                    told.arg(lasts.as_millis().to_string()).ignore();
                }
                let told: Result<(), RedisError> = told.query_async(&mut connection).await;
                if let Err(error) = told {
                    return Err(self.failed("telling how many subscribers there are".into(), &error).await);
                }
            }
            Ok(())
        })
    }

    fn presence<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Presence, EngineError>> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let mut asked = cmd("EVAL");
            asked.arg(PRESENCE).arg(1).arg(format!("{}:nodes", self.key(topic)));
            match asked.query_async(&mut connection).await {
                Ok(present) => Ok(present),
                Err(error) => {
                    Err(self.failed(format!("counting the subscribers of the topic {topic:?}"), &error).await)
                }
            }
        })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.prefix).field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// What the script of a page returns.
type RawPage = (String, i64, Vec<RawEntry>, String);

/// An entry as Redis returns it.
struct RawEntry {
    id: String,
    block: Vec<u8>,
}

impl RawEntry {
    /// The event as it is sent. An entry without a block, which someone else has added, only moves the id on.
    fn into_entry(self) -> Entry {
        let mut bytes = BytesMut::with_capacity(self.block.len() + self.id.len() + 6);
        bytes.put_slice(b"id: ");
        bytes.put_slice(self.id.as_bytes());
        bytes.put_slice(b"\n");
        bytes.put_slice(if self.block.is_empty() { b"\n" } else { &self.block });
        Entry { id: Id::new(&self.id), bytes: Bytes::from(bytes) }
    }
}

impl FromRedisValue for RawEntry {
    fn from_redis_value(value: Value) -> Result<RawEntry, redis::ParsingError> {
        let (id, fields): (String, Vec<Vec<u8>>) = redis::from_redis_value(value)?;
        let block = fields.chunks(2).find_map(|field| match field {
            [name, block] if name == BLOCK_FIELD => Some(block.clone()),
            _ => None,
        });
        Ok(RawEntry { id, block: block.unwrap_or_default() })
    }
}

/// The place before the first entry of a stream.
const START: &str = "0-0";

/// An id as Redis knows it, and when it was given, if it is the place before the first entry of a topic that is not kept for ever:
/// `0-0@1732000000000`.
fn place(id: &str) -> (&str, &str) {
    id.split_once('@').unwrap_or((id, ""))
}

/// Whether this is an id of an entry as Redis writes it, or the place before the first: numbers, each in one way only.
fn is_id(id: &str) -> bool {
    let is_number = |text: &str| text.parse::<u64>().is_ok_and(|number| number.to_string() == text);
    match id.split_once('@') {
        Some((id, given)) => id == START && is_number(given),
        None => id.split_once('-').is_some_and(|(time, number)| is_number(time) && is_number(number)),
    }
}

fn failed(what: impl fmt::Display, error: &RedisError) -> EngineError {
    let is_passing = match error.kind() {
        // Codes of Redis for what passes, as memory that is full, a script that runs long, or replicas that are away.
        ErrorKind::Server(_) | ErrorKind::Extension => matches!(
            error.code(),
            Some(
                "ASK"
                    | "BUSY"
                    | "CLUSTERDOWN"
                    | "LOADING"
                    | "MASTERDOWN"
                    | "MISCONF"
                    | "MOVED"
                    | "NOREPLICAS"
                    | "NOTBUSY"
                    | "OOM"
                    | "READONLY"
                    | "TRYAGAIN"
            )
        ),
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => true,
        _ => error.is_io_error() || error.is_connection_dropped(),
    };
    if is_passing { EngineError::unreachable(what, error) } else { EngineError::refused(what, error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_in_one_way_only() {
        for yes in ["0-0", "0-0@1732000000000", "0-1", "1732000000000-0", "18446744073709551615-18446744073709551615"] {
            assert!(is_id(yes), "{yes}");
        }
        for no in [
            "",
            "-",
            "1",
            "00-1",
            "0-01",
            "+1-0",
            "1-",
            "-1",
            "1-0-0",
            " 1-0",
            "1-0\n",
            "$",
            "*",
            "18446744073709551616-0",
            "0-0@",
            "0-0@01",
            "1-0@1",
            "0-0@1@1",
        ] {
            assert!(!is_id(no), "{no:?}");
        }
    }
}
