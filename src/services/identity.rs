//! Entities: who a principal is, across logins. Each login finds or makes the entity of its principal, in the
//! same unit of work as its token.

use crate::{
    barrier::{BarrierError, Table, Unit},
    base::{random::Random, time::Time},
    services::table_ids::{self, CORE},
};

/// An entity: a person or a service.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub(crate) struct Entity {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    #[n(1)]
    pub name: String,
    #[n(2)]
    pub created: i64,
    #[n(3)]
    pub aliases: Vec<EntityAlias>,
}

/// An alias of an entity, as the entity lists it.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub(crate) struct EntityAlias {
    #[n(0)]
    pub mount_accessor: String,
    #[n(1)]
    pub name: String,
}

/// The entry that leads from an alias to its entity.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub(crate) struct Alias {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub entity: [u8; 16],
}

/// Entities by id (UUID, 16 bytes).
const ENTITIES: Table<Entity> = Table::plain(table_ids::ENTITIES);
/// Aliases by a keyed hash of the mount's accessor and the principal's incarnation.
const ALIASES: Table<Alias> = Table::plain(table_ids::ALIASES);

/// A principal who logs in at an auth mount.
pub(crate) struct PrincipalAt<'a> {
    pub mount_accessor: &'a str,
    /// The incarnation of the principal. It selects the entity: whoever gets the name later is another principal.
    pub principal: &'a [u8; 16],
    /// The name that the alias shows.
    pub name: &'a str,
}

/// The service of entities and their aliases.
#[derive(Clone)]
pub(crate) struct Identity {
    random: Random,
}

impl Identity {
    pub fn new(random: Random) -> Self {
        Self { random }
    }

    /// Returns the id of the principal's entity. If there is none yet, makes it in this unit of work.
    pub fn find_or_create(&self, unit: &Unit, of: &PrincipalAt<'_>, now: Time) -> Result<uuid::Uuid, BarrierError> {
        let key = alias_key(unit, of)?;
        if let Some(alias) = unit.get(&CORE, &ALIASES, &key)? {
            return Ok(uuid::Uuid::from_bytes(alias.entity));
        }
        let id = self.random.uuid();
        let entity = Entity {
            id: id.into_bytes(),
            name: format!("entity_{}", data_encoding::HEXLOWER.encode(&self.random.bytes::<4>())),
            created: now.unix_nanos(),
            aliases: vec![EntityAlias { mount_accessor: of.mount_accessor.to_owned(), name: of.name.to_owned() }],
        };
        unit.put(&CORE, &ALIASES, &key, &Alias { entity: entity.id })?;
        unit.create(&CORE, &ENTITIES, &entity.id, &entity)?;
        Ok(id)
    }
}

fn alias_key(unit: &Unit, of: &PrincipalAt<'_>) -> Result<[u8; 32], BarrierError> {
    let text = [of.mount_accessor.as_bytes(), &[0], of.principal].concat();
    unit.keys().engine_hash(&CORE, "alias", &text)
}
