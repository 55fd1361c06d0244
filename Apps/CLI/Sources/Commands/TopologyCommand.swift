import ArgumentParser
import Console

struct TopologyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Shows the programs of the system, their services and topics.",
        discussion: """
            Printed in drain order, from the file that describes the system. LISTENERS are its ports: http for REST, \
            grpc for other services, operate for operators. CONSUMES lists the topics that its services subscribe to.

            Examples:
              martlet topology
              martlet topology --json | jq -r '.processes[].program'
            """
    )

    @OptionGroup var system: TopologyOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let topology = try system.topology()
            if json { return try terminal.json(topology) }
            var table = TextTable("PROCESS", "SERVICES", "LISTENERS", "CONSUMES")
            for member in topology.processes {
                table.add(
                    "\(member.program)",
                    "\(member.services.joined(separator: " "))",
                    "\(member.listeners.map(\.rawValue).joined(separator: " "))",
                    "\(member.consumes.isEmpty ? "-" : member.consumes.joined(separator: " "))"
                )
            }
            table.write(to: terminal)
        }
    }
}
