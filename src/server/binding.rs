//! Binds the listeners of the API, each with its certificate, before anything is answered.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{
    banner::{Endpoint, Scheme},
    certificates::{Certificates, Keeper},
    error::ServerError,
    listener::Listener,
    machine::{Machine, need_folder},
    own_ca,
    run_files::Scratch,
    settings::{ListenerSettings, Security},
    tls::{Clients, Tls, Version},
};

/// A listener that is bound and does not accept yet.
pub(crate) struct Bound {
    pub listener: Listener,
    pub endpoint: Endpoint,
}

/// All listeners of the API.
pub(crate) struct AllBound {
    pub listeners: Vec<Bound>,
    pub certificates: Certificates,
    /// The certificate of the server's own authority. `None` if it is not used.
    pub authority: Option<PathBuf>,
}

/// Binds the listeners that are `wanted`. Certificates of the server's own authority are made where they are missing.
pub(crate) fn bind(wanted: &[ListenerSettings], scratch: &Scratch, machine: &Machine) -> Result<AllBound, ServerError> {
    let certificates = Certificates::new(machine.clock.clone(), machine.files.clone());
    let mut all = AllBound { listeners: Vec::new(), certificates, authority: None };
    for listener in wanted {
        let tls = match &listener.security {
            Security::PlainHttp => None,
            Security::Files(files) => Some(all.certificates.add(files.clone(), Keeper::Operator)?),
            Security::OwnAuthority { folder, names } => {
                let folder = folder.as_deref().or(scratch.folder()).unwrap_or(Path::new("."));
                need_folder(folder, &machine.files)?;
                let issued = own_ca::ensure(folder, names, machine.clock.wall(), &machine.files)?;
                if issued.is_new {
                    tracing::info!("made a certificate that is valid until {}", issued.not_after.rfc3339());
                }
                all.authority = Some(std::path::absolute(&issued.authority).unwrap_or(issued.authority));
                let (certificate, key) = (issued.server.clone(), issued.server);
                let tls = Tls { certificate, key, oldest: Version::Tls13, clients: Clients::Unasked };
                let keeper = Keeper::OwnAuthority { folder: folder.to_owned(), names: names.clone() };
                Some(all.certificates.add(tls, keeper)?)
            }
        };
        for address in &listener.addresses {
            let listener = Listener::bind(*address, tls.clone()).map_err(|cause| unbound(*address, cause))?;
            let scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
            let endpoint = Endpoint { address: listener.address(), scheme };
            all.listeners.push(Bound { listener, endpoint });
        }
    }
    Ok(all)
}

fn unbound(address: SocketAddr, cause: std::io::Error) -> ServerError {
    match cause.kind() {
        std::io::ErrorKind::AddrInUse => ServerError::AddressInUse { address },
        _ => ServerError::Listen { address, cause },
    }
}
