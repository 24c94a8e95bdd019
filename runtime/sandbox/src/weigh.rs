//! How many bytes a value moves across the border, for the call's byte budget and the price of a
//! host call. Numbers weigh nothing: the fixed price of the call covers them.

use wasmtime::component::Resource;

use crate::bindings::{blobs, credentials, http, log, store, types};

/// Bytes that a value moves across the border.
pub(crate) trait Weigh {
    fn weight(&self) -> u64;
}

macro_rules! weightless {
    ($($t:ty),*) => {
        $(impl Weigh for $t {
            fn weight(&self) -> u64 {
                0
            }
        })*
    };
}

weightless!((), bool, u16, u32, u64, log::Level, store::Scope, credentials::HmacAlgorithm, http::Redirects);

impl<T: 'static> Weigh for Resource<T> {
    fn weight(&self) -> u64 {
        0
    }
}

impl Weigh for String {
    fn weight(&self) -> u64 {
        self.len() as u64
    }
}

impl Weigh for Vec<u8> {
    fn weight(&self) -> u64 {
        self.len() as u64
    }
}

impl Weigh for Vec<String> {
    fn weight(&self) -> u64 {
        self.iter().map(|text| text.weight() + 8).sum()
    }
}

impl Weigh for Vec<types::Field> {
    fn weight(&self) -> u64 {
        self.iter().map(|field| field.name.weight() + field.value.weight() + 16).sum()
    }
}

impl<T: Weigh> Weigh for Option<T> {
    fn weight(&self) -> u64 {
        self.as_ref().map_or(0, Weigh::weight)
    }
}

impl<T: Weigh, E: Weigh> Weigh for Result<T, E> {
    fn weight(&self) -> u64 {
        match self {
            Ok(value) => value.weight(),
            Err(error) => error.weight(),
        }
    }
}

macro_rules! tuples {
    ($(($($t:ident),+))*) => {
        $(impl<$($t: Weigh),+> Weigh for ($($t,)+) {
            fn weight(&self) -> u64 {
                #[expect(non_snake_case, reason = "a tuple's fields are named after its types")]
                let ($($t,)+) = self;
                0 $(+ $t.weight())+
            }
        })*
    };
}

tuples!((A)(A, B)(A, B, C)(A, B, C, D));

impl Weigh for http::Request {
    fn weight(&self) -> u64 {
        let payload = match &self.payload {
            http::Payload::Empty => 0,
            http::Payload::Bytes(bytes) => bytes.weight(),
            http::Payload::Blob(id) => id.weight(),
        };
        self.method.weight() + self.url.weight() + self.headers.weight() + self.auth.weight() + payload
    }
}

impl Weigh for http::Response {
    fn weight(&self) -> u64 {
        self.headers.weight()
    }
}

impl Weigh for http::Error {
    fn weight(&self) -> u64 {
        match self {
            Self::Denied(denial) => denial.reason.weight() + denial.message.weight(),
            Self::InvalidRequest(text)
            | Self::CredentialUnavailable(text)
            | Self::BudgetExhausted(text)
            | Self::Unreachable(text)
            | Self::Tls(text)
            | Self::Timeout(text)
            | Self::Interrupted(text)
            | Self::BadResponse(text)
            | Self::Ambiguous(text) => text.weight(),
        }
    }
}

impl Weigh for store::Error {
    fn weight(&self) -> u64 {
        match self {
            Self::Denied(text) | Self::Unavailable(text) => text.weight(),
            Self::InvalidKey | Self::QuotaExceeded(_) => 0,
        }
    }
}

impl Weigh for blobs::Error {
    fn weight(&self) -> u64 {
        match self {
            Self::Denied(text) | Self::Unavailable(text) => text.weight(),
            Self::NotFound | Self::QuotaExceeded(_) => 0,
        }
    }
}

impl Weigh for blobs::Info {
    fn weight(&self) -> u64 {
        self.name.weight() + self.content_type.weight()
    }
}

impl Weigh for credentials::Error {
    fn weight(&self) -> u64 {
        match self {
            Self::Denied(text) => text.weight(),
            Self::UnknownSlot => 0,
        }
    }
}

impl Weigh for types::HttpReply {
    fn weight(&self) -> u64 {
        self.headers.weight() + self.body.weight()
    }
}
