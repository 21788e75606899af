//! A deterministic OpenAI-compatible server that also misbehaves, for tests of clients.
//!
//! The well-behaved part, with its delays, its coalescing and the log of what it did when, is
//! [`plumb_measure::bench::reference`]; this adds faults.

use plumb_measure::bench::reference::{
    Act, Asked, Behaviour, Reply, Script, Server, Step, steady, stream_head, token_event,
};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another status than 200.
    Status(u16),
    /// The connection is reset after so many tokens.
    ResetAfter(u32),
    /// The connection is closed in order after so many tokens: the stream does not say that it ended.
    CloseAfter(u32),
    /// The stream ends as HTTP has it after so many tokens, but the reply does not.
    EndAfter(u32),
    /// An event that is no JSON after so many tokens.
    MalformedAfter(u32),
    /// A page of HTML with status 200.
    Html,
    /// An error of the server inside the stream after so many tokens.
    ErrorAfter(u32),
    /// A whole reply without a token.
    Empty,
    /// No answer at all.
    Hang,
    /// So many tokens, then nothing.
    StallAfter(u32),
    /// Something that is not HTTP.
    NotHttp,
    /// A whole reply, after which the server closes the connection without having said so: no fault of the reply.
    LeaveAfter(u32),
}

/// Follows `behaviour` but for the faults: request `n` after the first `spared` has fault `n` of the list, in turn.
struct Faulty {
    behaved: Box<dyn Script>,
    faults: Vec<Option<Fault>>,
    spared: u64,
}

/// Starts a server whose requests fail in turn; the first `spared`, with which a client looks around, do not.
///
/// # Panics
/// If the system lends no socket.
#[must_use]
pub fn start(behaviour: Behaviour, faults: Vec<Option<Fault>>, spared: u64) -> Server {
    let faulty = Faulty { behaved: steady(behaviour), faults, spared };
    Server::start(Box::new(faulty)).expect("a server can be started")
}

impl Script for Faulty {
    fn respond(&mut self, asked: &Asked) -> Reply {
        let turn = asked.number.checked_sub(self.spared).filter(|_| asked.path.ends_with("/completions"));
        let fault = turn.and_then(|turn| {
            let turn = usize::try_from(turn).unwrap_or(0);
            self.faults.get(turn % self.faults.len().max(1)).copied().flatten()
        });
        match fault {
            None => self.behaved.respond(asked),
            Some(fault) => Box::new(steps(fault).into_iter()),
        }
    }
}

fn write(bytes: Vec<u8>, tokens: u32) -> Step {
    Step { at: 0, act: Act::Write { bytes, tokens } }
}

fn act(act: Act) -> Step {
    Step { at: 0, act }
}

/// A stream that begins well.
fn tokens(count: u32) -> Vec<Step> {
    let mut bytes = stream_head();
    (0..count).for_each(|_| bytes.extend(token_event(false, 1, None, false)));
    vec![write(bytes, count)]
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn steps(fault: Fault) -> Vec<Step> {
    let plain = |head: &str, text: &str| {
        write(format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{text}", text.len()).into_bytes(), 0)
    };
    let after = |count: u32, further: Vec<Step>| [tokens(count), further].concat();
    match fault {
        Fault::Status(status) => vec![plain(&format!("{status} No"), "{\"error\":{}}"), act(Act::Finish)],
        Fault::ResetAfter(count) => after(count, vec![act(Act::Reset)]),
        Fault::CloseAfter(count) => after(count, vec![act(Act::Close)]),
        Fault::EndAfter(count) => after(count, vec![write(b"0\r\n\r\n".to_vec(), 0), act(Act::Finish)]),
        Fault::MalformedAfter(count) => after(
            count,
            vec![
                write(chunk("data: {\"choices\": [{\n\n"), 0),
                write(b"0\r\n\r\n".to_vec(), 0),
                act(Act::Finish),
            ],
        ),
        Fault::Html => vec![plain("200 OK", "<html>busy</html>\n"), act(Act::Finish)],
        Fault::ErrorAfter(count) => {
            let error = chunk("data: {\"error\":{\"message\":\"out of memory\"}}\n\n");
            after(count, vec![write(error, 0), write(b"0\r\n\r\n".to_vec(), 0), act(Act::Finish)])
        }
        Fault::Empty => {
            let end = [stream_head(), chunk("data: [DONE]\n\n"), b"0\r\n\r\n".to_vec()].concat();
            vec![write(end, 0), act(Act::Finish)]
        }
        Fault::Hang => Vec::new(),
        Fault::StallAfter(count) => tokens(count),
        Fault::LeaveAfter(count) => {
            let end = [token_event(false, 1, None, true), chunk("data: [DONE]\n\n"), b"0\r\n\r\n".to_vec()]
                .concat();
            after(count, vec![write(end, 1), act(Act::Close)])
        }
        Fault::NotHttp => vec![write(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), 0), act(Act::Close)],
    }
}
