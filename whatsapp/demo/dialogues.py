"""What people say to each other in the demonstration. Written for it; nobody has ever written any of this.

A line is "who|text" or "who:kind|text". Who: `c` the client, `b` the bot, `p` somebody of the team, `t` the business's
own telephone. Kind `handover`: the bot leaves it to a person; `failed`: it never arrived. Between braces: {nombre},
{agente}, {proyecto}, {ciudad}.
"""

Dialogue = tuple[str, ...]

# The last word is ours, or nobody waits for one.
SETTLED: tuple[Dialogue, ...] = (
    (
        "c|Buenas tardes, vi su anuncio de los lotes. ¿Todavía hay disponibles en {proyecto}?",
        "b:handover|Buenas tardes, {nombre}. Sí tenemos lotes disponibles; en un momento le atiende una persona.",
        "p|Hola, {nombre}, soy {agente}. En {proyecto} quedan lotes de 120 y 160 m². ¿Es para vivir o para invertir?",
        "c|Para vivir, somos cuatro",
        "p|Entonces le conviene uno cerca del parque. Le comparto el plano con los que siguen libres.",
        "p:document|Plano con los lotes libres",
        "c:reaction|👍",
        "c|Me interesan el 14 y el 15. ¿Se puede ir a verlos el domingo?",
        "p|Claro. La movilidad sale el domingo a las 9:00 de Plaza Norte. ¿Le separo dos asientos?",
        "c|Sí, dos por favor",
        "p|Listo, quedan separados a su nombre. El sábado le confirmo la hora por aquí.",
    ),
    (
        "c|Hola",
        "c|Quisiera saber los requisitos para el arraigo social",
        "b|Hola, {nombre}. Para ubicarle, ¿me confirma en qué ciudad de España vive?",
        "c|En {ciudad}, llevo tres años y medio",
        "p|Buenos días, {nombre}. Con tres años ya puede presentarlo. ¿Está empadronado desde que llegó?",
        "c|Sí, desde el segundo mes. Tengo el certificado",
        "c:image|Este es el certificado que me dieron",
        "p|Perfecto, se lee bien. Nos falta el de antecedentes penales de su país, apostillado.",
        "c|¿Cuánto demora ese?",
        "p|Entre dos y cuatro semanas. Le mando los pasos por correo y agendamos cita para cuando lo tenga.",
        "c|Muchas gracias 🙏",
        "p|A usted. Cualquier duda, por aquí mismo.",
    ),
    (
        "c|Buenos días, ¿a qué hora atienden?",
        "b|Buenos días, {nombre}. Atendemos lunes a viernes de 9:00 a 18:00 y sábado de 9:00 a 13:00.",
        "c|Gracias",
        "b|A usted, {nombre}. Que tenga buen día.",
    ),
    (
        "p:template|recordatorio_cita|{nombre}|mañana a las 10:30",
        "c:button|Confirmo",
        "p|Gracias, {nombre}. Le esperamos. Traiga por favor su documento y, si puede, el último recibo de luz.",
        "c|De acuerdo, ahí estaré",
        "p|Perfecto, hasta mañana.",
    ),
    (
        "c|Ya hice el depósito de la cuota inicial",
        "c:image|Comprobante de hoy",
        "p|Recibido, {nombre}. Lo paso a contabilidad y le confirmo en el día.",
        "p|Ya está aplicado. Su saldo inicial queda en cero y la primera cuota vence el próximo mes.",
        "c:reaction|❤️",
        "c|Excelente, qué rápidos",
        "p|Para eso estamos. Buen fin de semana.",
    ),
    (
        "c|Hola, ¿cómo llego a la sala de ventas?",
        "p|Hola, {nombre}. Estamos en el segundo piso, frente a la estación. ¿Desde dónde viene?",
        "c:location|Mi trabajo",
        "p|Desde ahí son unos veinte minutos. Cualquier bus que diga Plaza Norte le deja en la puerta.",
        "c|Perfecto, salgo a las 5",
        "p|Le esperamos, pregunte por {agente}.",
    ),
    (
        "c|Buenas, soy {nombre}. Me llamaron ayer y no pude contestar",
        "b:handover|Hola, {nombre}. La persona que le atiende es {agente}; le aviso para que le devuelva la llamada.",
        "p|Buenas tardes, {nombre}. Le llamaba por su expediente: ya tenemos número de registro.",
        "c|¡Qué buena noticia!",
        "p|Ahora toca esperar la resolución. Suele tardar unos tres meses; le escribo apenas haya novedad.",
        "c|Gracias por avisar, quedo pendiente",
        "p|Un saludo, {nombre}.",
    ),
    (
        "c|¿El precio del lote incluye la habilitación de agua y luz?",
        "p|Sí, {nombre}. Incluye agua, desagüe y luz; la conexión a cada casa la pide el propietario.",
        "c|¿Y cuánto sale esa conexión, más o menos?",
        "p|Depende de la empresa de cada servicio. En la reunión le mostramos lo que pagaron los primeros vecinos.",
        "c|Ok, entonces nos vemos el jueves",
        "p|El jueves a las 16:00. Le dejo anotado.",
    ),
    (
        "c:audio|",
        "p|Hola, {nombre}. Escuché su mensaje: sí, su esposa puede ir incluida en la misma solicitud.",
        "c|¿Y mi hija de 8 años?",
        "p|También. De ella necesitamos la partida de nacimiento legalizada y el certificado del colegio.",
        "c:document|Partida_de_nacimiento.pdf",
        "p|Gracias, esa nos sirve. Queda pendiente solo el certificado del colegio.",
    ),
    (
        "c|BAJA",
        "b|Listo, {nombre}: no le enviaremos más mensajes. Si cambia de idea, solo tiene que escribirnos.",
    ),
    (
        "c|Quiero información de la nacionalidad por residencia",
        "b|Hola, {nombre}. Con gusto. ¿Prefiere que le expliquemos por aquí o que le llame un abogado?",
        "c:button|Que me llamen",
        "p|Hola, {nombre}, soy {agente}. ¿Le viene bien mañana a las 11:00, hora de España?",
        "c|Mejor a las 13:00, que salgo a almorzar",
        "p|A las 13:00 entonces. Tenga a mano su tarjeta de residencia, por favor.",
        "c|👍",
        "p|Hasta mañana, {nombre}.",
    ),
    (
        "p:failed|Hola, {nombre}. ¿Pudo reunir los documentos que le pedimos?",
        "p:template|seguimiento_documentos|{nombre}",
        "c|Hola, disculpe, estuve de viaje. Esta semana los entrego",
        "p|No se preocupe. Le espero hasta el viernes.",
    ),
    (
        "c|Buen día, ¿siguen con la promoción sin inicial?",
        "t|Buen día, sí, hasta fin de mes. ¿Quiere que le llamemos para explicarle?",
        "c|Sí, por favor, después de las 6",
        "t|Anotado, hoy a las 6:15.",
    ),
    (
        "c|Hola, me pasaron su contacto. Soy corredor y tengo clientes para {proyecto}",
        "p|Hola, {nombre}. Gracias por escribir. Trabajamos con corredores; le comparto a quién dirigirse.",
        "c|Genial",
        "c:contacts|Jimena Loayza",
        "p|Gracias por la referencia, le escribimos hoy mismo.",
    ),
    (
        "c|¿Me pueden enviar el cronograma de pagos a 24 meses?",
        "p:document|Cronograma a 24 meses",
        "c|Recibido. ¿Puedo adelantar cuotas?",
        "p|Sí, sin penalidad, y se recalcula el saldo. Solo avise unos días antes.",
        "c|Perfecto, gracias {agente}",
        "p|Con gusto.",
    ),
    (
        "c|Doctora, me llegó una carta de Extranjería y no la entiendo",
        "c:image|La carta",
        "p|No se alarme, {nombre}: es un requerimiento. Piden el contrato de alquiler actualizado en diez días.",
        "c|Uf, pensé que era una denegación 😅",
        "p|No. Mándeme el contrato cuando pueda y lo presento yo.",
        "c:document|Contrato_alquiler.pdf",
        "p|Presentado hoy. Le envío el justificante a su correo.",
        "c:reaction|🙏",
    ),
    (
        "c|Ya no estoy interesado, compré en otro lado. Gracias igual",
        "p|Gracias por avisar, {nombre}. Le deseamos lo mejor en su nueva casa.",
    ),
    (
        "c|¿Atienden también en {ciudad}?",
        "b|Hola, {nombre}. Atendemos por videollamada en todo el país, y en persona en nuestra oficina.",
        "c|Por videollamada me va bien",
        "p|Perfecto. Le propongo el miércoles a las 17:30. Le llegará el enlace por correo.",
        "c|Confirmado",
        "p|Agendado. Hasta el miércoles.",
    ),
    (
        "c|Necesito hablar con una persona",
        "b:handover|Claro, {nombre}. Le paso con {agente}; le escribe en cuanto esté disponible.",
        "p|Aquí estoy, {nombre}. Cuénteme.",
        "c|Me cobraron dos veces la separación",
        "p|Lo veo: el segundo cargo es una retención del banco y se libera en tres días hábiles. Le aviso.",
        "p|Ya se liberó. ¿Lo ve en su cuenta?",
        "c|Sí, ya apareció. Muchas gracias",
        "p|Nos alegra. Disculpe la demora.",
    ),
    (
        "c:sticker|",
        "c|Perdón, se me fue 😂 Quería preguntar por el estado de mi trámite",
        "b:handover|Hola, {nombre}. La persona que lleva su caso es {agente} y le responde hoy.",
        "p|Hola, {nombre}. Sigue «en trámite»; lo miré hace un rato. Cada lunes lo reviso.",
        "c|Ok, gracias por la paciencia",
        "p|Cuando guste.",
    ),
    (
        "p:template|bienvenida|{nombre}",
        "c|Hola, sí, yo llené el formulario. Quiero saber si califico",
        "p|Con gusto. ¿Desde cuándo vive en España y tiene familiares con residencia?",
        "c|Desde 2022. Mi hermana tiene la nacionalidad",
        "p|Entonces tenemos dos caminos posibles. Le explico ambos en una llamada de quince minutos, sin costo.",
        "c|Mañana por la mañana puedo",
        "p|Le llamo a las 10:00.",
    ),
    (
        "c|Buenas noches, ¿me confirma la dirección del proyecto?",
        "b:handover|Buenas noches, {nombre}. A esta hora ya no hay nadie; le responderemos mañana desde las 9:00.",
        "p|Buenos días, {nombre}. Está en el kilómetro 148 de la Panamericana Norte, pasando el peaje.",
        "c|Gracias, iré con mi papá el sábado",
        "p|Les esperamos. Si avisa al llegar, salimos a recibirlos.",
    ),
)  # fmt: skip

# Somebody waits for an answer.
WAITING: tuple[Dialogue, ...] = (
    (
        "c|Hola, ¿el lote 22 de {proyecto} sigue libre?",
        "p|Hola, {nombre}. Sí, sigue libre. ¿Se lo separo hasta mañana?",
        "c|Sí, sepáremelo por favor. ¿Puedo pagar con tarjeta?",
    ),
    (
        "c|Buenos días",
        "b|Buenos días, {nombre}. ¿En qué podemos ayudarle?",
        "c|Mi cita es hoy, pero se me complicó. ¿Podemos pasarla para la tarde?",
    ),
    (
        "c|Doctora, ya tengo el certificado de antecedentes",
        "c:image|Aquí va",
        "c|¿Con esto ya estaría completo?",
    ),
    (
        "c|¿Cuánto es la cuota mensual del lote de 120?",
        "p|Depende de la inicial, {nombre}. ¿Con cuánto podría empezar?",
        "c|Con unos 3.000 soles",
        "c|¿Y si doy 5.000?",
    ),
    (
        "c|Hola, quiero información",
        "b|Hola. Para ubicarle, escríbame por favor solo el número de su documento de identidad.",
        "c|No soy cliente todavía, vi la publicidad",
    ),
    (
        "c|Me dijeron que hoy me llamaban y sigo esperando",
        "c|¿Alguien me puede responder?",
    ),
    (
        "c|Buenas tardes, llamo por el anuncio de residencia por arraigo. ¿Cuánto cobran?",
    ),
    (
        "c:location|Ubicación compartida",
        "c|Estoy aquí en la puerta, ¿por dónde entro?",
    ),
    (
        "c|Hola, ¿este es el número de los lotes en {ciudad}?",
        "b|Hola. Sí, con gusto le informamos. ¿Me escribe el número de su documento?",
        "c|¿Para qué lo necesitan?",
    ),
    (
        "c|Mi esposo también quiere hacer el trámite, ¿hay descuento?",
        "c:audio|",
    ),
    (
        "c|Ya firmé el contrato, se los mando",
        "c:document|Contrato_firmado.pdf",
    ),
    (
        "c|Quiero hablar con un asesor",
        "b:handover|Claro. Le paso con una persona de nuestro equipo; le escribe en cuanto esté disponible.",
    ),
    (
        "c|hola buenas",
        "c|sigue en pie la visita del domingo?",
        "c|somos 3",
    ),
    (
        "c:unsupported|",
        "c|No sé si les llegó lo que mandé, era una encuesta",
    ),
    (
        "c|¿Aceptan permuta por un carro?",
    ),
    (
        "c|Buen día, soy la hermana de una clienta suya. Quisiera empezar mi nacionalidad",
        "b|Buen día. Con gusto. Para ubicarle, escríbame por favor solo el número de su documento de identidad.",
        "c|Es el 99004417",
        "b:handover|No encuentro ese número. Una persona de nuestro equipo le escribirá.",
    ),
)  # fmt: skip
