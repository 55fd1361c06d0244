import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// All files of one proto package: one contract.
struct Package {
    /// As in `shop.inventory.v1`.
    let name: String
    let files: [FileDescriptor]
    let services: [Service]
    let names: SwiftNames

    /// In the order of their names.
    static func all(of files: [FileDescriptor], _ mappings: ProtoFileToModuleMappings) throws -> [Package] {
        try Dictionary(grouping: files, by: \.package).sorted { $0.key < $1.key }.map { name, files in
            let files = files.sorted { $0.name < $1.name }
            let names = SwiftNames(file: files[0], mappings: mappings)
            let services = try files.flatMap(\.services).map { try Service($0, package: name) }
            return Package(name: name, files: files, services: services, names: names)
        }
    }

    /// Where its files are, as in `shop/inventory/v1`.
    var folder: String { name.split(separator: ".").joined(separator: "/") }
    /// As in `v1`.
    var version: String { String(name.split(separator: ".").last ?? "v1") }
    /// As in `inventory`; a process that serves it has the same name.
    var word: String { Package.word(of: name) }

    static func word(of package: String) -> String {
        let words = package.split(separator: ".")
        return words.count > 1 ? String(words[words.count - 2]) : package
    }

    /// Published messages, in file order.
    var events: [Descriptor] { files.flatMap(\.messages).filter { $0.options.hasEvent } }
}

/// How Swift names what the contract names.
struct SwiftNames {
    let namer: SwiftProtobufNamer
    private let file: FileDescriptor
    private let mappings: ProtoFileToModuleMappings

    init(file: FileDescriptor, mappings: ProtoFileToModuleMappings) {
        self.file = file
        self.mappings = mappings
        namer = SwiftProtobufNamer(currentFile: file, protoFileToModuleMappings: mappings)
    }

    func type(_ message: Descriptor) -> String { namer.fullName(message: message) }

    func property(_ field: FieldDescriptor) -> (name: String, has: String) {
        let names = namer.messagePropertyNames(field: field, prefixed: "", includeHasAndClear: true)
        return (names.name, names.has)
    }

    /// The oneof's property, and the field's case with its dot.
    func oneof(_ oneof: OneofDescriptor, _ field: FieldDescriptor) -> (property: String, element: String) {
        let element = namer.messagePropertyNames(field: field, prefixed: ".", includeHasAndClear: false).prefixed
        return (namer.messagePropertyName(oneof: oneof).name, element)
    }

    /// The modules of `messages` that are not this one and not SwiftProtobuf.
    func modules(of messages: [Descriptor]) -> [String] {
        let own = mappings.moduleName(forFile: file)
        let used = Set(messages.compactMap { mappings.moduleName(forFile: $0.file) })
        return used.filter { $0 != own && $0 != mappings.swiftProtobufModuleName }.sorted()
    }
}

extension StringProtocol {
    var lowerFirst: String { prefix(1).lowercased() + dropFirst() }
    var upperFirst: String { prefix(1).uppercased() + dropFirst() }
}
