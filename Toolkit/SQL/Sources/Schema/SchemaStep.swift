import MartletCore

/// A step of a schema by its name.
struct SchemaStep: Sendable, Hashable, Comparable, Codable {
    let module: ExactText
    let number: Int

    init(module: String, number: Int) {
        self.module = ExactText(module)
        self.number = number
    }

    init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        module = ExactText(try values.decode(String.self))
        number = try values.decode(Int.self)
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.unkeyedContainer()
        try values.encode(module.text)
        try values.encode(number)
    }

    static func < (left: SchemaStep, right: SchemaStep) -> Bool {
        (left.module, left.number) < (right.module, right.number)
    }
}

/// The database contains a step that breaks programs which do not know it, as this one.
public struct SchemaTooNew: Error, Equatable {
    public let module: String
    public let number: Int

    package init(module: String, number: Int) {
        self.module = module
        self.number = number
    }
}

/// A released step has another text than when it ran: databases of before and after would differ.
public struct SchemaStepEdited: Error, Equatable {
    public let module: String
    public let number: Int

    package init(module: String, number: Int) {
        self.module = module
        self.number = number
    }
}

/// A step that breaks older programs cannot run yet: an instance of one is alive.
public struct SchemaInUse: Error, Equatable {
    public let module: String
    public let number: Int
    /// The identity of the older instance.
    public let instance: String

    package init(module: String, number: Int, instance: String) {
        self.module = module
        self.number = number
        self.instance = instance
    }
}
