import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// All files of one proto package: one contract.
struct Package {
    /// The proto package, as in `acme.links.v1`.
    let name: String
    let files: [FileDescriptor]
    let services: [Service]
    let names: SwiftNames

    /// The packages in the order of their names.
    ///
    /// - Parameter restricted: Those whose code is visible in its Swift package only.
    static func all(
        of files: [FileDescriptor],
        mappings: ProtoFileToModuleMappings,
        restricted: Set<String>
    ) throws -> [Package] {
        let known: [String] = files.map(\.package)
        if let unknown = restricted.subtracting(known).min() {
            throw Refusal("there is no proto package \(unknown)")
        }
        return try Dictionary(grouping: files, by: \.package).sorted { $0.key < $1.key }.map { name, files in
            let files = files.sorted { $0.name < $1.name }
            let access = restricted.contains(name) ? "package" : "public"
            let names = SwiftNames(file: files[0], mappings: mappings, access: access)
            let services = try files.flatMap(\.services).map { try Service($0, package: name) }
            try checkNames(of: services)
            return Package(name: name, files: files, services: services, names: names)
        }
    }

    /// The folder of its files, as in `acme/links/v1`.
    var folder: String { name.split(separator: ".").joined(separator: "/") }
    /// The API version, as in `v1`, which is also that of a package without one.
    var version: String {
        guard let last = name.split(separator: ".").last, Package.isVersion(last) else { return "v1" }
        return String(last)
    }
    /// The name of the service process, as in `links`.
    var shortName: String { Package.shortName(of: name) }
    /// The short name in Swift, as in `Links`; `ShortLinks` for `short_links`.
    var swiftName: String { shortName.upperCamel }

    /// The last word of a package without its version.
    static func shortName(of package: String) -> String {
        let parts = package.split(separator: ".")
        guard let last = parts.last else { return package }
        return String(parts.count > 1 && isVersion(last) ? parts[parts.count - 2] : last)
    }

    /// As in `v1` and `v2beta1`.
    private static func isVersion(_ word: Substring) -> Bool {
        word.first == "v" && word.dropFirst().first?.isNumber == true
    }

    /// Refuses services whose files or functions have equal names.
    private static func checkNames(of services: [Service]) throws {
        var names: Set<String> = []
        for service in services where !names.insert(service.fileName).inserted {
            throw Refusal(
                "\(service.descriptor.fullName): another service of the package has this name in Swift",
                in: service.descriptor.file
            )
        }
    }

    /// Published messages, in file order.
    var events: [Descriptor] { files.flatMap(\.messages).filter { $0.options.hasEvent } }
}

/// The Swift names of a contract's messages and fields.
struct SwiftNames {
    let namer: SwiftProtobufNamer
    /// The access level of the contract's declarations, as in `public`.
    let access: String
    private let file: FileDescriptor
    private let mappings: ProtoFileToModuleMappings

    init(file: FileDescriptor, mappings: ProtoFileToModuleMappings, access: String) {
        self.file = file
        self.mappings = mappings
        self.access = access
        namer = SwiftProtobufNamer(currentFile: file, protoFileToModuleMappings: mappings)
    }

    /// The contract's own module; `nil` when the mappings do not name it.
    var module: String? { mappings.moduleName(forFile: file) }

    func type(_ message: Descriptor) -> String { namer.fullName(message: message) }

    func property(_ field: FieldDescriptor) -> (name: String, has: String) {
        let names = namer.messagePropertyNames(field: field, prefixed: "", includeHasAndClear: true)
        return (names.name, names.has)
    }

    /// The property of the oneof, and the field's case with a leading dot.
    func oneof(_ oneof: OneofDescriptor, _ field: FieldDescriptor) -> (property: String, element: String) {
        let element = namer.messagePropertyNames(field: field, prefixed: ".", includeHasAndClear: false).prefixed
        return (namer.messagePropertyName(oneof: oneof).name, element)
    }

    /// The modules of `messages` except this one and SwiftProtobuf.
    func modules(of messages: [Descriptor]) -> [String] {
        let used = Set(messages.compactMap { mappings.moduleName(forFile: $0.file) })
        return used.filter { $0 != module && $0 != mappings.swiftProtobufModuleName }.sorted()
    }
}

extension StringProtocol {
    var lowerFirst: String { prefix(1).lowercased() + dropFirst() }
    var upperFirst: String { prefix(1).uppercased() + dropFirst() }
    /// `ShortLinks` for `short_links`.
    var upperCamel: String { split { $0 == "_" }.map { $0.upperFirst }.joined() }
}
