import Gateway

await GatewayProgram.run()
