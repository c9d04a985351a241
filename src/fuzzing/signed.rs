//! Tokens that were signed, once, by a key whose private half was thrown away: nobody can sign
//! another, so whatever else is accepted is a forgery.

/// The name of the key.
pub(super) const KID: &str = "ins_fuzz";

/// The key's modulus; its exponent is 65537.
pub(super) const MODULUS: &str = concat!(
    "vwDr6icQ93UJCLM-_Sp9oz-2qRykbx8Iex3hs8o8yBhPpor1Nu94xA5DmuxARwAkOU41zSXTDDGmE5NUVEXnhD2V3d",
    "BN5cBR-uKxGhfc8T7V9z7tcBspKSisgru04jbOrrqIy48WCVCaJi59kFY00T67sBVhUt1y-WqynX06hOHwyCEUkaJr",
    "BmnBliQ6qtg6ydyYrRFCMds3hkzHNsy6kw1mIxhn51AlGea4jkmWhQlC6iprtcqd-Iy65pj_PrFEiP2no78Ql7M8Kw",
    "NaFj8t3zJPS7NxU6dwMGyhlvRUnQyVVRltMlftX0qYwc9epB8ihVWXyoMN-QsNTQ4GarFeqQ",
);

/// A session token of version 1.
pub(super) const SESSION_V1: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6Imluc19mdXp6IiwidHlwIjoiSldUIiwiY2F0IjoiY2xfQjdkNFBEMTExQUFBIn",
    "0.eyJpc3MiOiJodHRwczovL2NsZXJrLmV4YW1wbGUuY29tIiwic3ViIjoidXNlcl8xIiwic2lkIjoic2Vzc18xIiwi",
    "YXpwIjoiaHR0cHM6Ly9hcHAuZXhhbXBsZS5jb20iLCJpYXQiOjE3MDAwMDAwMDAsIm5iZiI6MTY5OTk5OTk5MCwiZX",
    "hwIjoxNzAwMDAwMDYwLCJmdmEiOlsxLC0xXSwic3RzIjoiYWN0aXZlIiwib3JnX2lkIjoib3JnXzEiLCJvcmdfc2x1",
    "ZyI6ImFjbWUiLCJvcmdfcm9sZSI6Im9yZzphZG1pbiIsIm9yZ19wZXJtaXNzaW9ucyI6WyJvcmc6cmVwb3J0czpyZW",
    "FkIl19.Kgq_A2lWmOo8opCYBntytRa-nmrCMWKGMc91luYhxs4N3ZUItegXZ6SILG1XKPeGzp5lxkbyj9WrsQ4qyzo",
    "H4p-jx5WcvSRfUqyKUjuGYZN7-rua3pzdexLZiGczHCXp13gF5Yi1rDqNaTg21Qq1Vkdadc3Uzr2U74WuUN2FCLR6d",
    "KukHaLibg8nTlojla4tiowraqayHhGpr69lJA1EQVTkhtaStBI2wL99yaAq1OYFATnhqfMbq-W6aY-_AXLo3nni-dm",
    "sQGxrqDolttSxCgvLkDZ8mZuB0F4oby4UX-S8lPOQNawyVvI813wjqUhj6GYBdFawIE_Ch2PtDtYcGg",
);

/// A session token of version 2.
pub(super) const SESSION_V2: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6Imluc19mdXp6IiwidHlwIjoiSldUIiwiY2F0IjoiY2xfQjdkNFBEMTExQUFBIn",
    "0.eyJpc3MiOiJodHRwczovL2NsZXJrLmV4YW1wbGUuY29tIiwic3ViIjoidXNlcl8xIiwic2lkIjoic2Vzc18xIiwi",
    "YXpwIjoiaHR0cHM6Ly9hcHAuZXhhbXBsZS5jb20iLCJpYXQiOjE3MDAwMDAwMDAsIm5iZiI6MTY5OTk5OTk5MCwiZX",
    "hwIjoxNzAwMDAwMDYwLCJmdmEiOlsxLC0xXSwic3RzIjoiYWN0aXZlIiwidiI6MiwianRpIjoianRpXzEiLCJmZWEi",
    "OiJvOnJlcG9ydHMsdTpwcm9maWxlIiwicGxhIjoidTpmcmVlIiwibyI6eyJpZCI6Im9yZ18xIiwic2xnIjoiYWNtZS",
    "IsInJvbCI6ImFkbWluIiwicGVyIjoicmVhZCxtYW5hZ2UiLCJmcG0iOiIzIn19.ph3yRxWi_CjgK09Lfyv4dXMCUdM",
    "GQLba3ux00ZiamWsEnUA_04JALBCZ8lnhZ1iPRZf28gbl9dNg-s2N6VbP8juiSkzuDdooYSQ6DQEQktTZpsY3SmjPq",
    "HnmFhpnkyH6NRF3n0AQs5nAR6WeRQLt5vXgvOmJppe2HWYvAwCho_DXPtjPMxgHpujooLlMeZCPd-b0UQ2LXle9DfD",
    "EBFAduSUZ3RNgqtNQv15DgUPNa4xUjPaaZ_8fbR5Ouq-KeyQ_H64KcAarYMVNtkRP0I5bPvM7lvQ7qK1GdPe6cj9VV",
    "HW0OkltvTLPbkl_F3Gn1FIGVe7_60skECaZmmczaEERMw",
);

/// A session token that does not say what it is.
pub(super) const UNSTATED: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6Imluc19mdXp6IiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2NsZXJrLm",
    "V4YW1wbGUuY29tIiwic3ViIjoidXNlcl8xIiwic2lkIjoic2Vzc18xIiwiYXpwIjoiaHR0cHM6Ly9hcHAuZXhhbXBs",
    "ZS5jb20iLCJpYXQiOjE3MDAwMDAwMDAsIm5iZiI6MTY5OTk5OTk5MCwiZXhwIjoxNzAwMDAwMDYwLCJmdmEiOlsxLC",
    "0xXSwic3RzIjoiYWN0aXZlIn0.h9euE0MwbL0p6PRxQ0f9WlDVkdn0Npbd9UEKlrjFP4oSEF-mF67Oy0fD-DBWsTuK",
    "TQEQIhM9caw032y6deou0db3I9rdHBUDxWyeJfr45pVQQe-1csAz_KtoTFJag1LzJbDWfGhZvzdrEoX1sy1yKQ3GDY",
    "YYHat-2DXaAkg7IykZQOY6TEeUVd7sW9DCLH2G9B2WES8BCpDWEu9PE4HoewZg5QqM1DfqH-hrGgM258Bk0II-jRW2",
    "GadPZefqeQ9t7fq1HEA4Y4QGhJ4rWLMwMow9ARgsU6MeHFqHvtOudDb9pdbTgdDqzB0LC6RDy70GnkPYg8jLPjFyZV",
    "FWlcL_Rw",
);

/// A token made from a JWT template.
pub(super) const TEMPLATE: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6Imluc19mdXp6IiwidHlwIjoiSldUIiwiY2F0IjoiY2xfQjdkNFBEMjIyQUFBIn",
    "0.eyJpc3MiOiJodHRwczovL2NsZXJrLmV4YW1wbGUuY29tIiwic3ViIjoidXNlcl8xIiwiYXpwIjoiaHR0cHM6Ly9h",
    "cHAuZXhhbXBsZS5jb20iLCJpYXQiOjE3MDAwMDAwMDAsIm5iZiI6MTY5OTk5OTk5MCwiZXhwIjoxNzAwMDAwMDYwLC",
    "JmdmEiOlsxLC0xXSwic3RzIjoiYWN0aXZlIn0.MUjAPbGcT-Wv1DZGbuyE9rJg4un0heMYHnUuNDH3GOK9C2M2_8wk",
    "DQ8sRK1ohDriaPgJVNqMLE5NBGsf4J_1OnFdntjBNmjsQNsI_Llt2CYVAkvjcT2kRAmhmOLgjq6h7osWh9wY_MdkNQ",
    "P2e86M0oyprDjWlsl10qgaXNWxKpSF5R2AB9zCwsbvTgbkx7waRuEa2SrqbLQcC_kaxfWFaBsy4SUQpII6vhm-m7jV",
    "WbxXEzBmlCJ1Fh-YFrRMi2NuO17oouKe1EWKm1qjSxpwoZszXgqMfiU0AkExje9qvo4gkhUVImYGP7nM-leyNZiB2a",
    "BR8EWyqd7UX8P51JeysQ",
);

/// A machine's token, which yields no claims although it is signed.
pub(super) const MACHINE: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6Imluc19mdXp6IiwidHlwIjoiSldUIiwiY2F0IjoiY2xfQjdkNFBEMzMzQUFBIn",
    "0.eyJpc3MiOiJodHRwczovL2NsZXJrLmV4YW1wbGUuY29tIiwic3ViIjoibWNoXzEiLCJhenAiOiJodHRwczovL2Fw",
    "cC5leGFtcGxlLmNvbSIsImlhdCI6MTcwMDAwMDAwMCwibmJmIjoxNjk5OTk5OTkwLCJleHAiOjE3MDAwMDAwNjAsIm",
    "Z2YSI6WzEsLTFdLCJzdHMiOiJhY3RpdmUifQ.AtnlIsC-FR2V86HCbNG4geF_GHmqDq2uoiovZIXdZig5lcyyMLGm9",
    "-3I5m61Vm9IJzIxiPKrC7MFCHLDaNtzWJg7CE39pFuHp_VyEKozRQJ4UNFz_WvbIuUkrppq30_PoSu6IHWbHe6g2EO",
    "xDYOr4UCIDQQ3QUf-Mmt6BjtuJz1pLrWvmZxyp-oG1QfAGvtVzX6ArzYtM7AI9Sw2VMlOcR_zuN9_F3pTL-guT0d1f",
    "xY47iiDtndhIEIjFUrqGZRz30_UvGAB2L15PAMCRBoUQEmzIqkohaPMxd8Kb4kPXWvmYO9qx4GBsg7FeOf2_YmqS4o",
    "lI8hUyP4QYrwxXwAuTg",
);

/// Those that yield claims.
pub(super) const GENUINE: [&str; 4] = [SESSION_V1, SESSION_V2, UNSTATED, TEMPLATE];
