//! The people of Northlight, an invented company that makes measuring instruments: 60 of them, in nine groups.

/// A group of the people file, and who is in it: first and last name.
pub(super) const GROUPS: &[(&str, &[(&str, &str)])] = &[
    (
        "platform",
        &[
            ("Anna", "Keller"),
            ("Tomas", "Lindqvist"),
            ("Priya", "Raman"),
            ("Jonas", "Weber"),
            ("Mei", "Tanaka"),
            ("Luca", "Ferrari"),
            ("Ines", "Duarte"),
            ("Oskar", "Nyman"),
        ],
    ),
    (
        "product-engineering",
        &[
            ("Ben", "Archer"),
            ("Chloe", "Martin"),
            ("David", "Osei"),
            ("Elena", "Petrova"),
            ("Farid", "Haddad"),
            ("Grace", "Kim"),
            ("Hugo", "Blanc"),
            ("Ivana", "Kovac"),
            ("Jamal", "Carter"),
            ("Katya", "Orlova"),
            ("Liam", "Byrne"),
            ("Maya", "Cohen"),
            ("Nils", "Berg"),
            ("Olivia", "Grant"),
        ],
    ),
    (
        "data",
        &[
            ("Pavel", "Novak"),
            ("Quinn", "Harper"),
            ("Rosa", "Jimenez"),
            ("Samir", "Patel"),
            ("Tara", "Walsh"),
            ("Umar", "Siddiqui"),
        ],
    ),
    ("design", &[("Vera", "Lopez"), ("Wes", "Morgan"), ("Xenia", "Popov"), ("Yara", "Saleh"), ("Zoe", "Fischer")]),
    ("product", &[("Adam", "Stone"), ("Bella", "Rossi"), ("Carl", "Engel"), ("Dina", "Mansour"), ("Erik", "Holm")]),
    (
        "support",
        &[
            ("Fiona", "Reid"),
            ("George", "Adeyemi"),
            ("Hana", "Sato"),
            ("Igor", "Petrenko"),
            ("Julia", "Meyer"),
            ("Kofi", "Mensah"),
        ],
    ),
    (
        "sales",
        &[
            ("Lena", "Braun"),
            ("Marco", "Silva"),
            ("Nadia", "Aziz"),
            ("Otto", "Klein"),
            ("Paula", "Costa"),
            ("Ravi", "Iyer"),
        ],
    ),
    ("marketing", &[("Sofia", "Lund"), ("Theo", "Laurent"), ("Una", "Doyle"), ("Viktor", "Hahn")]),
    (
        "operations",
        &[
            ("Wanda", "Nowak"),
            ("Xavier", "Roy"),
            ("Yusuf", "Demir"),
            ("Zara", "Ali"),
            ("Alan", "Price"),
            ("Beth", "Young"),
        ],
    ),
];

/// People who left: in no file any more, but still found in some systems.
pub(super) const LEAVERS: &[(&str, &str)] = &[("Nora", "Vance"), ("Pete", "Quill")];
