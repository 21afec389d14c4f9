//! Entities: who a principal is, across logins. Each login finds or makes the entity of its alias (mount accessor and
//! name), in the same unit of work as its token.

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
/// Aliases by a keyed hash of mount accessor and principal name.
const ALIASES: Table<Alias> = Table::plain(table_ids::ALIASES);

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
    pub fn find_or_create(
        &self,
        unit: &Unit,
        mount_accessor: &str,
        name: &str,
        now: Time,
    ) -> Result<uuid::Uuid, BarrierError> {
        let key = alias_key(unit, mount_accessor, name)?;
        if let Some(alias) = unit.get(&CORE, &ALIASES, &key)? {
            return Ok(uuid::Uuid::from_bytes(alias.entity));
        }
        let id = self.random.uuid();
        let entity = Entity {
            id: id.into_bytes(),
            name: format!("entity_{}", data_encoding::HEXLOWER.encode(&self.random.bytes::<4>())),
            created: now.unix_nanos(),
            aliases: vec![EntityAlias { mount_accessor: mount_accessor.to_owned(), name: name.to_owned() }],
        };
        unit.put(&CORE, &ALIASES, &key, &Alias { entity: entity.id })?;
        unit.create(&CORE, &ENTITIES, &entity.id, &entity)?;
        Ok(id)
    }
}

fn alias_key(unit: &Unit, mount_accessor: &str, name: &str) -> Result<[u8; 32], BarrierError> {
    let mut text = Vec::with_capacity(mount_accessor.len() + name.len() + 1);
    text.extend_from_slice(mount_accessor.as_bytes());
    text.push(0);
    text.extend_from_slice(name.as_bytes());
    unit.keys().engine_hash(&CORE, "alias", &text)
}
